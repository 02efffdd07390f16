"""Tests that a relocation rule keeps its promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.dispatch.base import random_terrain
from engine.fleet import FREE_AT_STATION, FREE_ON_RADIO, RESPONDING
from engine.relocation.base import Limits, MoveState, Relocation, checked_moves, closed
from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from engine.relocation.base import Move

_STATES: Final = 200


def check_relocation(rule: Relocation, *, name: str = "the rule", seed: int = 0) -> None:
    """Test that a relocation rule is feasible, deterministic and pure, and spares crews.

    Parameters
    ----------
    rule : Relocation
        The rule, or a policy that has ``moves(state)`` too.
    name : str
        What to call it in a message.
    seed : int
        Seed of the random states.

    Raises
    ------
    InputError
        It has no `moves`, fails, answers the impossible, answers the same state
        differently, writes into the state, or moves units that its own `limits` spare.
    """
    if not isinstance(rule, Relocation):
        raise InputError(f"{name} has no moves(state)", field="policy", fix="add one")
    asked: list[tuple[Relocation, MoveState]] = []
    for number in range(_STATES):
        rng = np.random.default_rng([seed, number])
        state = _random_moves(rng)
        terrain = random_terrain(rng, len(state.status))
        at = getattr(rule, "at", None)
        asked.append((rule if at is None else at(terrain), state))
    first = [_ask(*pair, name) for pair in asked]
    again = [_ask(*pair, name) for pair in asked[::-1]][::-1]
    for one, two in zip(first, again, strict=True):
        if one != two:
            raise InputError(
                f"{name} answers the same state with the moves {one} and with {two}",
                field="policy",
                fix="let moves depend on its argument alone",
            )
    limits = getattr(rule, "limits", None)
    if isinstance(limits, Limits):
        for (_, state), moves in zip(asked, first, strict=True):
            allowed = limits.allow(state)
            for unit, _ in moves:
                if not allowed[unit]:
                    raise InputError(
                        f"{name} moves unit {unit}, which its limits spare",
                        field="policy",
                        fix="ask limits.allow(state) which units may be moved",
                    )


def _ask(rule: Relocation, state: MoveState, name: str) -> list[Move]:
    try:
        moves = list(rule.moves(closed(state)))
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"{name} fails with {what}", field="policy") from error
    return checked_moves(moves, state, name)


def _random_moves(rng: np.random.Generator) -> MoveState:
    units, stations = int(rng.integers(1, 12)), 5
    codes = np.array([FREE_ON_RADIO, FREE_AT_STATION, RESPONDING], dtype=np.int8)
    status = rng.choice(codes, units)
    free = status != RESPONDING
    base = np.where(free, rng.integers(0, stations, units), -1)
    # few distinct times, so that ties are met
    arrival = np.asarray(rng.integers(1, 8, (units, stations)) * 120e3, dtype=np.float64)
    arrival[rng.random((units, stations)) < 0.1] = UNREACHABLE
    returning = (status == FREE_ON_RADIO) & (rng.random(units) < 0.7)
    there = np.flatnonzero(free & ~returning)
    arrival[there, base[there]] = 0.0
    arrival[~free] = UNREACHABLE
    on_radio = np.flatnonzero(status == FREE_ON_RADIO)
    now = float(rng.integers(10**7, 10**9))
    moved = np.where(rng.random(units) < 0.5, -np.inf, now - rng.integers(0, 7_200_000, units))
    recent = np.where(now - moved < 3_600_000, rng.integers(1, 4, units), 0)
    return MoveState(
        now_ms=now,
        status=status,
        returning=returning,
        base=base,
        freed=int(rng.choice(on_radio)) if len(on_radio) and rng.random() < 0.5 else -1,
        arrival_ms=arrival,
        moved_ms=moved,
        moves_last_hour=recent,
    )
