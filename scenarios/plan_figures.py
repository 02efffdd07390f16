"""Pictures of plans: maps before and after, and the front of what more buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from scenarios.coverage import drive_from_stations_s
from scenarios.figures import STYLE, MapView, coverage_figure, image
from scenarios.planning import apply_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.planning import CityPlan

FIGURE_TITLE: Final = "bluelight plan"
"""Title inside the file, near its beginning, by which an earlier picture is told."""


def plan_figure(scenario: Scenario, plan: CityPlan, kind: str) -> bytes:
    """Draw the demand by drive from the nearest station with a unit, today and as planned.

    Parameters
    ----------
    scenario : Scenario
        The city.
    plan : CityPlan
        The plan.
    kind : str
        ``png`` or ``svg``.

    Returns
    -------
    bytes
        The picture.
    """
    limit_s, share = plan.document["drive_limit_s"], plan.document["covered_share"]
    views = [
        MapView(
            f"{scenario.settings.name}, {title}: "
            + ("" if share[when] is None else f"{share[when]:.1%} within {limit_s / 60:.1f} min"),
            city,
            drive_from_stations_s(city),
        )
        for title, when, city in (
            ("today", "before", scenario),
            (f"planned by {plan.document['model']}", "after", apply_plan(scenario, plan)),
        )
    ]
    return image(coverage_figure(views, limit_s), kind, FIGURE_TITLE)


def front_figure(documents: Sequence[dict[str, Any]], kind: str) -> bytes:
    """Draw what plans reach by what they take: cost where there is one, else stations.

    Plans that another one beats in both are drawn pale; a bar shows what the bound leaves.

    Parameters
    ----------
    documents : sequence of dict
        Contents of ``plan.json``, one model.
    kind : str
        ``png`` or ``svg``.

    Returns
    -------
    bytes
        The picture.
    """
    priced, take = _taken(documents)
    reach = np.array([d["objective"] for d in documents])
    bound = np.array([d["bound"] for d in documents])
    best = efficient(documents)
    with rc_context(STYLE):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        for is_best, colour, label in ((True, "#1b7837", "front"), (False, "#bbbbbb", "beaten")):
            rows = np.flatnonzero(best == is_best)
            if not len(rows):
                continue
            low, high = np.minimum(reach, bound)[rows], np.maximum(reach, bound)[rows]
            spread = np.vstack([reach[rows] - low, high - reach[rows]])
            axes.errorbar(
                take[rows], reach[rows], yerr=spread, fmt="o", color=colour, capsize=3, label=label
            )
        order = np.flatnonzero(best)[np.argsort(take[best], kind="stable")]
        axes.plot(take[order], reach[order], color="#1b7837", lw=1)
        axes.set(
            xlabel="cost" if priced else "stations",
            ylabel=f"objective of {documents[0]['model']}",
            title=documents[0]["city"],
        )
        axes.legend(frameon=False)
        return image(figure, kind, FIGURE_TITLE)


def efficient(documents: Sequence[dict[str, Any]]) -> NDArray[np.bool_]:
    """Tell which plans no other one beats in what they take and reach.

    Parameters
    ----------
    documents : sequence of dict
        Contents of ``plan.json``, one model.

    Returns
    -------
    ndarray of bool, shape (plans,)
        Whether each is on the Pareto front.
    """
    _, take = _taken(documents)
    sign = -1 if documents[0]["minimises"] else 1
    reach = sign * np.array([d["objective"] for d in documents])
    beaten = [
        bool((((take <= t) & (reach >= r)) & ((take < t) | (reach > r))).any())
        for t, r in zip(take, reach, strict=True)
    ]
    return ~np.array(beaten)


def _taken(documents: Sequence[dict[str, Any]]) -> tuple[bool, NDArray[np.float64]]:
    """Return whether all plans have a cost, and what each takes: that, else its stations."""
    priced = all(document["cost"] is not None for document in documents)
    taken = [d["cost"] if priced else len(d["stations"]) for d in documents]
    return priced, np.array(taken, dtype=np.float64)
