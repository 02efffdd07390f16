"""Which unit stands at which station of a plan, and when it is on duty."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scenarios.day_slices import fill_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scenarios.day_slices import Slice
    from scenarios.package import Scenario


def spread_units(
    scenario: Scenario,
    stations: Sequence[str],
    numbers: Mapping[str, NDArray[np.int64]],
    served: NDArray[np.float64],
) -> pd.DataFrame:
    """Give every station its units; they stay where they are if there is room.

    Parameters
    ----------
    scenario : Scenario
        The city and its units.
    stations : sequence of str
        Ids of the stations.
    numbers : mapping of str to ndarray of int64, shape (stations,)
        How many of a type each station holds. The units of all other types that there
        are today follow the demand served: largest remainders, but no station is left
        empty while another could spare a unit.
    served : ndarray of float64, shape (stations,)
        Demand that each station is nearest to.

    Returns
    -------
    DataFrame
        Columns ``id, type, station``: today's units first, in their order, without those
        that are one too many; then new ones.
    """
    numbers = dict(numbers)
    staffed = np.zeros(len(served), dtype=np.bool_)
    for placed in numbers.values():
        staffed |= placed > 0
    for kind, count in scenario.units["type"].value_counts().sort_index().items():
        if kind not in numbers:
            numbers[str(kind)] = quotas(int(count), served, staffed)
            staffed |= numbers[str(kind)] > 0
    units = scenario.units.reset_index(drop=True)
    home = pd.Series("", index=units.index)
    added: list[tuple[str, str, str]] = []
    taken = set(units["id"])
    for kind, placed in numbers.items():
        rows = units.index[units["type"] == kind]
        room = dict(zip(stations, placed.tolist(), strict=True))
        for row in rows:
            station = units["station"][row]
            if room.get(station, 0) > 0:
                home[row] = station
                room[station] -= 1
        spare = [station for station in stations for _ in range(room[station])]
        for row in rows:
            if not home[row] and spare:
                home[row] = spare.pop(0)
        for station in spare:
            identifier = _fresh(kind, taken)
            taken.add(identifier)
            added.append((identifier, kind, station))
    table = units[["id", "type"]].assign(station=home)
    new = pd.DataFrame(added, columns=["id", "type", "station"])
    return pd.concat([table[home != ""], new], ignore_index=True)


def _fresh(kind: str, taken: set[str]) -> str:
    number = 1
    while f"new-{kind}-{number}" in taken:
        number += 1
    return f"new-{kind}-{number}"


def quotas(
    count: int, served: NDArray[np.float64], staffed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Divide units by demand: one for each empty station first, the rest by largest remainder.

    Parameters
    ----------
    count : int
        How many units.
    served : ndarray of float64, shape (stations,)
        Demand of each station.
    staffed : ndarray of bool, shape (stations,)
        Which ones are not empty.

    Returns
    -------
    ndarray of int64, shape (stations,)
        Units of each.
    """
    first = np.zeros(len(served), dtype=np.int64)
    order = np.lexsort((-served, staffed))
    first[order[: min(count, int((~staffed).sum()))]] = 1
    left = count - int(first.sum())
    ideal = count * served / (served.sum() or 1.0)
    for _ in range(left):
        first[int(np.argmax(ideal - first))] += 1
    return first


def hours_on_duty(
    units: pd.DataFrame,
    stations: Sequence[str],
    placed: Mapping[str, NDArray[np.int64]],
    slices: Sequence[Slice | None],
) -> list[list[Slice] | None]:
    """Tell in which slices each unit is on duty, so that each slice has the units it was given.

    Parameters
    ----------
    units : DataFrame
        As from `spread_units`, given what a station holds in the slice with most there.
    stations : sequence of str
        Ids of the stations.
    placed : mapping of str to ndarray of int64, shape (slices, stations)
        How many of a type each station holds in each slice.
    slices : sequence of (int, int), or None
        The slices; None for the whole day.

    Returns
    -------
    list of list of (int, int), or None
        For each unit its slices; None where it is always on duty: those of other types
        too, of which a plan does not speak. Of the units of a station the first ones
        have the most slices.
    """
    whole = None in slices or fill_day(span for span in slices if span is not None)
    row_of = {station: row for row, station in enumerate(stations)}
    before: Counter[tuple[str, str]] = Counter()
    duty: list[list[Slice] | None] = []
    for kind, station in zip(units["type"], units["station"], strict=True):
        if kind not in placed:
            duty.append(None)
            continue
        on = placed[kind][:, row_of[station]] > before[kind, station]
        before[kind, station] += 1
        inside = [span for span, there in zip(slices, on, strict=True) if there and span]
        duty.append(None if whole and on.all() else inside)
    return duty
