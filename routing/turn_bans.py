"""From turn restrictions of a map to pairs of arcs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routing.network import ACCESS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.build import Ways

_CONTRAFLOW = ACCESS.index("contraflow")


class Bans(NamedTuple):
    """Arcs that may not be driven one after the other.

    With b bans, sorted and each once:

    Parameters
    ----------
    arc : ndarray of int32, shape (b,)
        The arc that leads to the junction.
    onto : ndarray of int32, shape (b,)
        The arc that may not follow it.
    all : ndarray of bool, shape (b,)
        Whether that binds rescue vehicles with siren too.
    """

    arc: NDArray[np.int32]
    onto: NDArray[np.int32]
    all: NDArray[np.bool_]


def ban_arcs(
    ways: Ways,
    first: NDArray[np.integer],
    last: NDArray[np.integer],
    twin: NDArray[np.int32],
) -> Bans:
    """Find the arcs that the turn restrictions of a map mean.

    An ``only`` restriction bans every other arc that leaves the junction, the way back
    included. A restriction whose ways end nowhere at its junction bans nothing, nor does
    one whose way passes through the junction, unless it bans turning round.

    Parameters
    ----------
    ways : Ways
        The map, with its turn restrictions.
    first, last : ndarray of int, shape (m,)
        First and last segment of each arc.
    twin : ndarray of int32, shape (m,)
        The arc over the same road in the other direction, or -1.

    Returns
    -------
    Bans
        The pairs of arcs.
    """
    leaves: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for arc in np.flatnonzero(np.isin(ways.segment_tail[first], ways.ban_via)).tolist():
        leaves.setdefault(int(ways.segment_tail[first[arc]]), []).append(arc)
    for arc in np.flatnonzero(np.isin(ways.segment_head[last], ways.ban_via)).tolist():
        ends.setdefault(int(ways.segment_head[last[arc]]), []).append(arc)

    found: dict[tuple[int, int], bool] = {}
    for via, from_way, to_way, only, binds_all in zip(
        ways.ban_via.tolist(),
        ways.ban_from_way.tolist(),
        ways.ban_to_way.tolist(),
        ways.ban_only.tolist(),
        ways.ban_all.tolist(),
        strict=True,
    ):
        arrive = _along(ways, ends.get(via, []), last, from_way)
        leave = _along(ways, leaves.get(via, []), first, to_way)
        pairs: list[tuple[int, int]] = []
        if from_way == to_way and not only:
            pairs = [(arc, int(twin[arc])) for arc in arrive if twin[arc] in leave]
        elif len(arrive) == 1 and len(leave) == 1:
            others = [arc for arc in leaves[via] if arc != leave[0]] if only else leave
            pairs = [(arrive[0], arc) for arc in others]
        for pair in pairs:
            found[pair] = found.get(pair, False) or binds_all
    order = sorted(found)
    table = np.array(order, dtype=np.int32).reshape(-1, 2)
    return Bans(
        table[:, 0].copy(), table[:, 1].copy(), np.array([found[p] for p in order], dtype=np.bool_)
    )


def _along(ways: Ways, arcs: list[int], segment: NDArray[np.integer], osm: int) -> list[int]:
    """Choose the arcs whose segment is of an OSM way, in the direction of its traffic."""
    way = ways.segment_way[segment[arcs]]
    fits = (ways.way_osm[way] == osm) & (ways.way_access[way] != _CONTRAFLOW)
    return [arc for arc, fit in zip(arcs, fits.tolist(), strict=True) if fit]
