"""Good covering choices kept apart, and new ones made of two of them.

Good choices differ in what they do where: one is better in the north, another in the
south. Units on one side of a line from one and units beyond it from another make a choice
that is often better than both, once units near the line have been mended: the crossover
of genetic algorithms (Holland 1975, doi:10.7551/mitpress/1090.001.0001). Nothing is known
of where sites stand but which groups they share, so a line is where numbers that vary
slowly from site to site pass a threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.stationing.covering_search import begin
from engine.stationing.smoothing import smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.covering_core import Core
    from engine.stationing.covering_search import Best
    from engine.stationing.effort import Effort

_KNOWN: Final = 8
_ALIKE: Final = 0.1
"""Choices to keep, and the share of units by which those alike differ at most."""

_SIDE: Final = 0.15
"""Least share of the units on either side of a line."""

_FIELDS: Final = 6
_SMOOTH: Final = 40
_SMOOTHING: Final = 0.03
"""Numbers of each site, passes over them, and most of the effort that they may take."""


class Pool:
    """Good choices, few of them alike.

    Parameters
    ----------
    core : Core
        The problem.
    random : Generator
        Source of what chance decides.
    effort : Effort
        What may be spent.
    """

    def __init__(self, core: Core, random: np.random.Generator, effort: Effort) -> None:
        self.core = core
        self.known: list[Best] = []
        """The choices."""
        self.field = _smooth_fields(core, random, effort)

    def join(self, new: Best) -> None:
        """Keep a choice if it is better than the one most like it, or than the worst.

        Parameters
        ----------
        new : Best
            The choice.
        """
        if len(self.known) < _KNOWN:
            self.known.append(new)
            return
        apart = [int(np.abs(new.units - other.units).sum()) for other in self.known]
        place = int(np.argmin(apart))
        if apart[place] > 2 * _ALIKE * self.core.k:
            place = int(np.argmin([other.value for other in self.known]))
        if new.value > self.known[place].value:
            self.known[place] = new

    def crossed(self, random: np.random.Generator, effort: Effort) -> Best:
        """Take the units on one side of a line from one choice, those beyond from another.

        Parameters
        ----------
        random : Generator
            Source of what chance decides.
        effort : Effort
            What may be spent.

        Returns
        -------
        Best
            A choice of as many units; one of the two where no line parts them so.
        """
        k, chosen = self.core.k, random.permutation(len(self.known))[:2]
        one, other = self.known[chosen[0]].units, self.known[chosen[-1]].units
        along = self.field @ random.standard_normal(self.field.shape[1])
        order = np.argsort(along, kind="stable")
        near = np.cumsum(one[order])
        beyond = other.sum() - np.cumsum(other[order])
        fits = (near + beyond == k) & (near >= _SIDE * k) & (beyond >= _SIDE * k)
        if not fits.any():
            return begin(self.core, one, effort)
        line = order[: random.choice(np.flatnonzero(fits)) + 1]
        units = other.copy()
        units[line] = one[line]
        return begin(self.core, units, effort)


def _smooth_fields(core: Core, random: np.random.Generator, effort: Effort) -> NDArray[np.float64]:
    """Give sites numbers that vary slowly from site to site, as far as the effort goes."""
    cells = 2 * _FIELDS * len(core.sites)
    passes = int(min(_SMOOTH, effort.share(_SMOOTHING).cells // max(1, cells)))
    effort.spend(passes * cells)
    shape = len(core.capacity), len(core.weight)
    field: NDArray[np.float64] = random.standard_normal((shape[0], _FIELDS))
    if passes == 0:
        return field
    ones = np.ones(len(core.sites))
    covers = sparse.csr_array((ones, core.site_rows.astype(np.int64), core.site_ptr), shape=shape)
    return np.linalg.qr(smoothed(covers, field, passes))[0]
