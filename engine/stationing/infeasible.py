"""Solve a program, or say why it has no solution."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import Answer, minimise, never
from engine.stationing.program import frame_of, prices
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.stationing.problem import Layer, LocationProblem
    from engine.stationing.program import Frame

_SHORT: Final = 1e-6


def solve_frame(
    frame: Frame,
    seconds: float,
    stopped: Callable[[], bool],
    *,
    tolerance: float,
    otherwise: str = "no plan meets all that is demanded",
) -> Answer:
    """Solve a program as it stands.

    Parameters
    ----------
    frame : Frame
        The program.
    seconds : float
        Time limit.
    stopped : callable
        Asked now and then; ends the search.
    tolerance : float
        Absolute gap that is good enough.
    otherwise : str
        What to say where there is no plan and neither floors nor budget stand against it.

    Returns
    -------
    Answer
        The best solution and the bound.

    Raises
    ------
    InputError
        There is no plan; the message says what stands against it.
    """
    answer = minimise(frame.builder.build(), seconds=seconds, tolerance=tolerance, stopped=stopped)
    if answer.values is None and np.isposinf(answer.bound):
        raise why_infeasible(frame, seconds, otherwise, stopped)
    return answer


def no_plan_in_time(problem: LocationProblem, stopped: Callable[[], bool] = never) -> InputError:
    """Say that the search ended before it knew of any plan, or that there is none.

    Parameters
    ----------
    problem : LocationProblem
        What was asked.
    stopped : callable
        Whether somebody ended the search.

    Returns
    -------
    InputError
        To be raised.
    """
    if stopped():
        return InputError("the search was stopped before it found a plan", field="time_limit_s")
    return InputError(
        f"no plan was found in {problem.time_limit_s:g} s, and it is not known that there is none",
        field="time_limit_s",
        fix="give more time, or fewer candidate sites",
    )


def why_infeasible(
    frame: Frame,
    seconds: float,
    otherwise: str = "no plan meets all that is demanded",
    stopped: Callable[[], bool] = never,
) -> InputError:
    """Find out what stands against any plan.

    Parameters
    ----------
    frame : Frame
        A program without a solution, with all that the model demands.
    seconds : float
        Time for finding out.
    otherwise : str
        What to say where neither floors nor budget stand against a plan.
    stopped : callable
        Asked now and then; ends the search.

    Returns
    -------
    InputError
        The message names the floors or the budget, and by how much they are missed.
    """
    problem = frame.problem
    if problem.floors and (error := _missed_floors(problem, seconds, stopped)):
        return error
    if frame.budget_row is not None:
        program = frame.builder.build()
        price, at_most = np.zeros_like(program.objective), program.at_most.copy()
        price[frame.opened], at_most[frame.budget_row] = prices(problem), np.inf
        cheapest = replace(program, objective=price, at_most=at_most)
        answer = minimise(cheapest, seconds=seconds, tolerance=0.0, stopped=stopped)
        if answer.values is not None:
            opened, _ = frame.read(answer.values)
            least = problem.cost(np.flatnonzero(opened).tolist())
            return InputError(
                f"a budget of {problem.budget:g}, but the cheapest plan costs {least:g}",
                field="budget",
                fix=f"give at least {least:g}, or fewer stations or units",
            )
    return InputError(
        otherwise,
        field="stations",
        fix="give more stations, units or room, or longer limits",
    )


def _missed_floors(
    problem: LocationProblem, seconds: float, stopped: Callable[[], bool]
) -> InputError | None:
    """Name the floors that have to be missed, the plan chosen that misses least."""
    for limited in (replace(problem, budget=None), problem):
        frame = frame_of(limited, elastic=True)
        answer = minimise(frame.builder.build(), seconds=seconds, tolerance=_SHORT, stopped=stopped)
        if answer.values is None:
            continue
        short = answer.values[frame.shortfall]
        missed = np.flatnonzero(short > _SHORT)
        if not len(missed):
            continue
        said = "; ".join(
            f"{problem.floors[f].name} reaches {problem.floors[f].share - short[f]:.1%}"
            f" of {problem.floors[f].share:.1%}"
            for f in missed[:5]
        )
        within = "the budget" if limited.budget is not None else "these stations and units"
        return InputError(
            f"the floor cannot be met with {within}: at best {said}",
            field="floor",
            fix="lower the floor, or give more stations, candidates or a longer limit",
        )
    return None


def covered_by_nobody(problem: LocationProblem, layer: Layer) -> InputError | None:
    """Say which demand no site covers and how far off it is.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.
    layer : Layer
        One of its layers.

    Returns
    -------
    InputError or None
        To be raised; none where every demand point can be covered.
    """
    nearest = layer.travel_s[problem.allowed].min(axis=0)
    limit = layer.limit()
    outside = np.flatnonzero((nearest > limit) & (layer.weight > 0))
    if not len(outside):
        return None
    worst = outside[np.argsort(-nearest[outside], kind="stable")]
    said = ", ".join(
        f"{problem.name_of(int(point))} ("
        + (f"{nearest[point] - limit:.0f} s too far" if np.isfinite(nearest[point]) else "no road")
        + ")"
        for point in worst[:3]
    )
    share = layer.weight[outside].sum() / layer.weight.sum()
    return InputError(
        f"no candidate site covers {len(outside)} demand points, {share:.1%} of the demand, "
        f"within {limit:g} s: {said}{', ...' if len(outside) > 3 else ''}",
        field="candidates",
        fix="give candidates nearer to them, a longer limit, or a share below 1 to cover",
    )
