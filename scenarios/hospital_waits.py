"""How long crews waited at hospitals until one of the bays was free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from scenarios.demand import horizon_ms
from scenarios.hospitals import bays_of, policy_of
from scenarios.run_tables import to_ms
from scenarios.statistics import Measure, groups_of, quantile, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.observations import Observations
    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome

P90: Final = "hospital_wait_p90"

WAITS: Final = ("hospital_wait_mean", P90, "hospital_waited_share")
"""What `hospital_measures` gives of all crews, and of those at each hospital."""


class HospitalWaits(NamedTuple):
    """How long crews waited at hospitals.

    Parameters
    ----------
    hospital : ndarray of int64, shape (n,)
        Row of the hospital, for each crew that handed over there.
    wait_s : ndarray of float64, shape (n,)
        Seconds from arrival until the handover began.
    call_ms : ndarray of float64, shape (n,)
        When the patient's incident was called in.
    """

    hospital: NDArray[np.int64]
    wait_s: NDArray[np.float64]
    call_ms: NDArray[np.float64]


class GroupedWaits(NamedTuple):
    """Waits of a whole run, in groups of observations that are independent.

    Parameters
    ----------
    hospital : ndarray of int64, shape (n,)
        Row of the hospital, for each crew that handed over there.
    wait_s : ndarray of float64, shape (n,)
        Seconds from arrival until the handover began.
    group : ndarray of int64, shape (n,)
        Group, by the call, so that policies are compared on the same patients.
    """

    hospital: NDArray[np.int64]
    wait_s: NDArray[np.float64]
    group: NDArray[np.int64]


def waits_of(outcome: Outcome, zones: int) -> HospitalWaits:
    """Find how long crews waited at hospitals until the handover began.

    Parameters
    ----------
    outcome : Outcome
        A replication.
    zones : int
        How many there are, since hospitals are the places after them.

    Returns
    -------
    HospitalWaits
        A row for each crew that handed over.
    """
    legs = outcome.legs[outcome.legs["at_hospital_ms"] >= 0]
    handover_ms = outcome.incidents.handover_ms[legs["incident"]]
    wait_ms = legs["free_ms"] - legs["at_hospital_ms"] - handover_ms
    # times of other simulators are finer than milliseconds, and do not add up exactly
    wait_s = np.where(wait_ms > 1e-3, wait_ms, 0.0) / 1000
    call_ms = outcome.incidents.call_ms[legs["incident"]]
    return HospitalWaits(legs["hospital"] - zones, wait_s, call_ms)


def grouped(
    scenario: Scenario, waits: Sequence[HospitalWaits], replications: int
) -> GroupedWaits | None:
    """Join the waits of all replications.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    waits : sequence of HospitalWaits
        From `waits_of`, of each replication.
    replications : int
        How many there are.

    Returns
    -------
    GroupedWaits or None
        None where no hospital has bays, so that nobody can wait.
    """
    if not bays_of(scenario.hospitals).any():
        return None
    hospital, wait_s, call_ms = (np.concatenate(column) for column in zip(*waits, strict=True))
    replication = np.repeat(np.arange(len(waits)), [len(each.wait_s) for each in waits])
    span = horizon_ms(scenario.settings.horizon)
    group, _ = groups_of(replication, call_ms, replications, span)
    return GroupedWaits(hospital, wait_s, group)


def hospital_measures(seen: Observations) -> dict[str, Measure]:
    """Measure how long crews waited for a bay; who found one free waited for 0 s.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    dict of str to Measure
        Seconds ``hospital_wait_mean`` and ``hospital_wait_p90``, and
        ``hospital_waited_share``, of all crews that handed over; the same as ``...:ID`` for
        each hospital that has bays. Empty where none has.
    """
    waits = seen.waits
    if waits is None:
        return {}
    found = _measured(waits, seen.groups)
    hospitals = seen.scenario.hospitals
    for row in np.flatnonzero(bays_of(hospitals)):
        part = _measured(at_hospital(waits, int(row)), seen.groups)
        found |= {f"{key}:{hospitals['id'].iloc[row]}": each for key, each in part.items()}
    return found


def at_hospital(waits: GroupedWaits, row: int) -> GroupedWaits:
    """Return the waits at one hospital.

    Parameters
    ----------
    waits : GroupedWaits
        Of all of them.
    row : int
        Row of the hospital.

    Returns
    -------
    GroupedWaits
        Those there.
    """
    there = waits.hospital == row
    return GroupedWaits(*(column[there] for column in waits))


def _measured(waits: GroupedWaits, groups: int) -> dict[str, Measure]:
    def _sums(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(waits.group, values, groups).astype(np.float64)

    wait_ms, count = to_ms(waits.wait_s), _sums(np.ones(len(waits.group)))
    measured = (
        ratio(_sums(wait_ms), count * 1000),
        quantile(waits.wait_s, waits.group, groups, 0.9),
        ratio(_sums(wait_ms > 0), count, share=True),
    )
    return dict(zip(WAITS, measured, strict=True))


def summarise_waits(scenario: Scenario, waits: Sequence[HospitalWaits]) -> dict[str, Any]:
    """Say who chose the hospitals, and how many crews came to each.

    How long they waited is among the measures, with intervals; see `hospital_measures`.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    waits : sequence of HospitalWaits
        From `waits_of`, of each replication.

    Returns
    -------
    dict
        ``hospitals`` for ``summary.json``; empty where the scenario has neither bays nor a
        hospital policy.
    """
    bays = bays_of(scenario.hospitals)
    named = scenario.hospital_policy or scenario.settings.dispatch.hospital
    if not (named or bays.any()):
        return {}
    hospital = np.concatenate([each.hospital for each in waits])
    came = np.bincount(hospital, minlength=len(bays)).tolist()
    each = {
        str(identifier): {"bays": int(bays[row]) or None, "handovers": came[row]}
        for row, identifier in enumerate(scenario.hospitals["id"])
    }
    return {
        "hospitals": {
            "policy": policy_of(scenario),
            "handovers": len(hospital),
            "by_hospital": each,
        }
    }
