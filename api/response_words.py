"""Sets of units: from the names of a request to the engine, and back to words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from api.schemas import RecommendedSet, SentUnit, SetReason, UnfilledSlot
from engine.response import Demand
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from api.city import City
    from api.fleet import Fleet
    from api.recommendations import Question
    from api.schemas import Profile
    from engine.response import Response, ResponseSet
    from routing.snapping import Places

MOST_COVERAGE_CELLS: Final = 1_000_000
"""Units by zones up to which coverage is computed: what takes a fraction of a second."""


def plan_rows(
    plan: Sequence[Sequence[Sequence[str]]],
) -> tuple[list[tuple[str, ...]], list[list[int]]]:
    """Give each distinct need of a plan a number.

    Parameters
    ----------
    plan : sequence
        Alternatives of slots of needs.

    Returns
    -------
    needs : list of tuple of str
        The distinct needs.
    rows : list of list of int
        Alternatives of slots, each an index of `needs`.
    """
    slots = [[tuple(sorted(set(slot))) for slot in slots] for slots in plan]
    needs = sorted({slot for alternative in slots for slot in alternative})
    return needs, [[needs.index(slot) for slot in alternative] for alternative in slots]


def demand_of(city: City, question: Question, units: Places) -> Demand | None:
    """Compute how long each unit takes to each zone.

    Parameters
    ----------
    city : City
        Roads and demand.
    question : Question
        The request.
    units : Places
        Where the units are; one already on the road is counted without turnout.

    Returns
    -------
    Demand or None
        None where no standard applies, or there are no zones or too many.
    """
    standard = question.asked.standard
    if standard is None:
        return None
    return demand_within(city, question.fleet, units, question.asked.profile, standard.limit_s)


def demand_within(
    city: City, fleet: Fleet, units: Places, profile: Profile, limit_s: float
) -> Demand | None:
    """Compute how long units take to each zone.

    Parameters
    ----------
    city : City
        Roads and demand.
    fleet : Fleet
        The units.
    units : Places
        Where they are.
    profile : str
        How they drive.
    limit_s : float
        Time within which a zone counts as covered.

    Returns
    -------
    Demand or None
        None where there are no zones, or too many, or no demand.
    """
    zones = city.scenario.zones
    if not 0 < len(units) * len(zones) <= MOST_COVERAGE_CELLS:
        return None
    if not city.zone_weight.any():
        return None
    times, row = city.zone_drives(profile, units)
    leave = np.where(fleet.rests, fleet.turnout_ms, 0)
    return Demand(times, city.zone_weight, limit_s * 1000, row, leave)


def arrivals_ms(city: City, fleet: Fleet, units: Places, profile: Profile) -> NDArray[np.int32]:
    """Compute when units would be in each zone.

    Parameters
    ----------
    city : City
        Roads and zones.
    fleet : Fleet
        The units; those in their stations turn out first.
    units : Places
        Where they are.
    profile : str
        How they drive.

    Returns
    -------
    ndarray of int32, shape (units, zones)
        Milliseconds, UNREACHABLE where there is no way.
    """
    drive = city.zone_times_ms(profile, units)
    leave = np.where(fleet.rests, fleet.turnout_ms, 0).astype(np.int32)[:, None]
    arrival: NDArray[np.int32] = np.minimum(drive, UNREACHABLE - leave) + leave
    return arrival


def set_words(question: Question, group: ResponseSet) -> RecommendedSet:
    """Tell a set of units with the names of the request.

    Parameters
    ----------
    question : Question
        The request.
    group : ResponseSet
        The set.

    Returns
    -------
    RecommendedSet
        The same.
    """
    units = question.request.units
    return RecommendedSet(
        alternative=group.alternative,
        units=[
            SentUnit(
                slot=sent.slot,
                unit=units[sent.unit].id,
                arrival_seconds=sent.arrival_s,
                earliest_seconds=sent.earliest_s,
                latest_seconds=sent.latest_s,
                within_standard=_number(sent.within),
            )
            for sent in group.sent
        ],
        empty_slots=list(group.empty),
        last_arrival_seconds=group.last_s if group.sent else None,
        coverage_before=_number(group.coverage_before),
        coverage_after=_number(group.coverage_after),
        reasons=[
            SetReason(
                kind=reason.kind,
                slot=reason.slot,
                later_seconds=reason.later_s,
                coverage_share=reason.share,
                words=reason.words,
            )
            for reason in group.reasons
        ],
    )


def unfilled_words(question: Question, response: Response) -> list[UnfilledSlot]:
    """Tell which slots of the first set nobody fills, and why.

    Parameters
    ----------
    question : Question
        The request.
    response : Response
        The sets.

    Returns
    -------
    list of UnfilledSlot
        By slot.
    """
    first, units = response.sets[0], question.request.units
    return [
        UnfilledSlot(
            slot=slot,
            needs=list(question.asked.plan[first.alternative][slot]),
            passed_over={
                unit.id: response.passed_over[slot, row] for row, unit in enumerate(units)
            },
        )
        for slot in first.empty
    ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
