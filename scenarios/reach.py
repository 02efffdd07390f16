"""Zones that nobody can come to: their incidents go unserved, and that is said beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from routing.network import UNREACHABLE
from scenarios.package import lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from routing.snapping import Places, Snapper
    from scenarios.package import Scenario
    from scenarios.simulation.arrays import Rules
    from scenarios.simulation.tables import Tables

_NAMED: Final = 5


def zone_places(scenario: Scenario, snapper: Snapper) -> tuple[Places, NDArray[np.bool_]]:
    """Tie zones to the nearest road, and tell which of them lie too far from any.

    Parameters
    ----------
    scenario : Scenario
        The city.
    snapper : Snapper
        Of its network; its limit says what is too far.

    Returns
    -------
    places : Places
        Zones on the roads, however far.
    off : ndarray of bool, shape (zones,)
        True where no vehicle on the road comes.

    Raises
    ------
    InputError
        A zone is no place on Earth, or all that have demand lie too far from the roads:
        then something is wrong with all of them.
    """
    points = lonlat(scenario.zones)
    places = snapper.snap(points, what="zone", limit_m=np.inf)
    off = places.distance_m > snapper.limit_m
    asked = scenario.zones["weight"].to_numpy(np.float64) > 0
    if off.any() and (off | ~asked).all():
        snapper.snap(points, what="zone")
    return places, off


def served(rules: Rules, number: int, reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell to which zones all units of some alternative of a type of incident can come.

    Parameters
    ----------
    rules : Rules
        Units, and what types of incidents ask for.
    number : int
        The type of incident.
    reached : ndarray of bool, shape (units, zones)
        Whether a road leads from a unit's station to a zone; what flies needs none.

    Returns
    -------
    ndarray of bool, shape (zones,)
        True where the type is served.
    """
    if len(rules.flight):
        reached = reached | (rules.flight["metres_per_ms"] > 0)[:, None]
    found = np.zeros(reached.shape[1], dtype=np.bool_)
    for alternative in range(rules.type_ptr[number], rules.type_ptr[number + 1]):
        slots = slice(*rules.alternative_ptr[alternative : alternative + 2])
        needs = np.unique(rules.slots["need"][slots])
        found |= np.all([reached[rules.suitable[need]].any(axis=0) for need in needs], axis=0)
    return found


def unserved(scenario: Scenario, tables: Tables) -> dict[str, NDArray[np.bool_]]:
    """Find the zones with demand that no unit can come to.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    tables : Tables
        Its tables.

    Returns
    -------
    dict of str to ndarray of bool, shape (zones,)
        For each type of incident that there is, where it goes unserved.
    """
    travel, rules, _ = tables
    station = len(scenario.zones) + len(scenario.hospitals) + rules.crew["home"]
    asked = scenario.zones["weight"].to_numpy(np.float64) > 0
    names = [priority.name for priority in scenario.settings.priorities]
    found = {}
    for number, kind in enumerate(scenario.settings.types):
        row = names.index(kind.priority)
        if scenario.settings.priorities[row].share * kind.weight > 0:
            ms = travel.drive["ms"][rules.priority["response"][row]][station]
            found[kind.name] = asked & ~served(rules, number, ms < UNREACHABLE)
    return found


def unserved_zones(scenario: Scenario, tables: Tables) -> list[str]:
    """Name the zones with demand that no unit can come to.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    tables : Tables
        Its tables.

    Returns
    -------
    list of str
        A sentence for each set of types of incidents that shares its zones.
    """
    if scenario.matrix is not None:  # it knows every drive
        return []
    lost: dict[bytes, list[str]] = {}
    for kind, missing in unserved(scenario, tables).items():
        if missing.any():
            lost.setdefault(missing.tobytes(), []).append(repr(kind))
    return [
        _said(
            scenario,
            np.frombuffer(missing, dtype=np.bool_),
            "no unit reaches",
            f": incidents there ({', '.join(kinds)}) go unserved",
        )
        for missing, kinds in lost.items()
    ]


def unreached_said(scenario: Scenario, ids: Sequence[str]) -> list[str]:
    """Say which zones no site of a plan reaches.

    Parameters
    ----------
    scenario : Scenario
        The city.
    ids : sequence of str
        Ids of the zones.

    Returns
    -------
    list of str
        A sentence, or none.
    """
    missing = scenario.zones["id"].astype(str).isin(list(ids)).to_numpy(np.bool_)
    if not missing.any():
        return []
    return [_said(scenario, missing, "no candidate reaches", ", which no plan can serve")]


def _said(scenario: Scenario, missing: NDArray[np.bool_], what: str, therefore: str) -> str:
    rows = np.flatnonzero(missing)
    ids = scenario.zones["id"].astype(str).to_numpy()
    told = ", ".join(f"{ids[row]} (row {row + 1})" for row in rows[:_NAMED].tolist())
    more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
    share = float(scenario.zone_weight[missing].sum())
    return (
        f"{what} zone{'s' if len(rows) > 1 else ''} {told}{more} of zones.csv, {share:.2%} of the "
        f"demand{therefore}"
    )
