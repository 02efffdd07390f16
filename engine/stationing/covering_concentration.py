"""Better covering choices from what good ones have between them.

The sites that some good choices use are few, so an integer program finds the best choice
among them in a blink, and it is often better than all it was made of (heuristic
concentration: Rosing and ReVelle 1997, doi:10.1016/S0377-2217(96)00100-2). The choices
come from annealing: the first from nothing, later ones from the best one known, or from
two good ones of which each gives its units on one side of a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.covering_crossing import Pool
from engine.stationing.covering_exact import best_within
from engine.stationing.covering_search import Best, begin, cool, tries_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.stationing.covering_core import Core
    from engine.stationing.effort import Effort

# Heat to begin and to end with, in shares of what a unit is worth on average.
_HEATS: Final = (0.02, 0.004)
_MENDING: Final = (0.005, 0.002)
_AGAIN: Final = 0.02
_HOTTER: Final = 0.15
_HOTTEST: Final = 1.5
"""How much hotter for each round without a better choice, and the most."""

_FIRST: Final = 0.2
_ROUND: Final = 0.03
"""Shares of the effort for the first choices and for those of a round."""

_CHAINS: Final = 8
_CROSSED: Final = 2
_REHEATED: Final = 2
"""The first choices; of each round those crossed and those that begin with the best."""

_ROOM: Final = 2.2
_MORE: Final = 1.12
_LESS: Final = 0.85
"""Sites to choose among, for each in a choice; more while that is easy."""

_NODES: Final = 20
_SECONDS: Final = 5.0
_CELLS_A_STEP: Final = 50
"""A step of the solver for each entry of its program, measured."""

_EASY: Final = 1e8
_HARD: Final = 3e8


def concentrate(
    core: Core,
    best: Best,
    limit: float,
    least: float,
    seed: int,
    effort: Effort,
    stopped: Callable[[], bool],
) -> None:
    """Improve a choice by choosing best among the sites of good ones.

    Parameters
    ----------
    core : Core
        The problem.
    best : Best
        The best choice known; improved.
    limit : float
        What a choice must be worth for none to be better.
    least : float
        Smallest improvement that counts.
    seed : int
        Seed of the random numbers.
    effort : Effort
        What may be spent.
    stopped : callable
        Whether to stop.
    """
    if core.k == 0 or best.value <= 0:
        return
    random = np.random.Generator(np.random.Philox(seed))
    share, rounds = effort.share(_FIRST), effort.share(_ROUND)
    starts = [begin(core, np.zeros_like(core.capacity), effort)] * _CHAINS
    heats, room, in_vain = [_HEATS] * _CHAINS, _ROOM, 0
    pool = Pool(core, random, effort)
    pool.join(Best(best.units, best.value))

    while not (effort.exhausted or stopped() or best.value > limit):
        tries = tries_within(core, share, len(starts))
        if tries < 1:
            return
        chains = cool(core, starts, heats, tries, int(random.integers(2**62)), effort, stopped)
        for own in chains:
            pool.join(own)
        before = best.value
        work = _merge(core, best, chains + pool.known, room, least, effort, stopped)
        if best.value > before:
            pool.join(Best(best.units, best.value))
        room = min(max(room * (_MORE if work < _EASY else _LESS if work > _HARD else 1), 1), 9)
        in_vain = 0 if best.value > before + least else in_vain + 1
        hot = _AGAIN * min(1 + _HOTTER * in_vain, _HOTTEST)
        share = rounds
        starts = [pool.crossed(random, effort) for _ in range(_CROSSED)] + [best] * _REHEATED
        heats = [_MENDING] * _CROSSED + [(hot, _HEATS[1])] * _REHEATED


def _merge(
    core: Core,
    best: Best,
    known: list[Best],
    room: float,
    least: float,
    effort: Effort,
    stopped: Callable[[], bool],
) -> float:
    """Choose best among the sites of the best choice and of the latest; return the work."""
    used, mixed = best.units > 0, 0
    most = room * np.count_nonzero(used)
    for choice in known:
        both = used | (choice.units > 0)
        if mixed < 2 or np.count_nonzero(both) <= most:
            used, mixed = both, mixed + 1
    answer = best_within(
        core,
        np.where(used, core.capacity, 0),
        np.zeros_like(core.capacity),
        best.units,
        seconds=_SECONDS,
        tolerance=least,
        effort=effort,
        nodes=_NODES,
        stopped=stopped,
    )
    if answer.best is not None and answer.best.value > best.value:
        best.units, best.value = answer.best.units, answer.best.value
    work = _CELLS_A_STEP * answer.iterations * answer.size
    effort.spend(int(work))
    return work
