"""What hospitals can do and how many crews they take at once, and how long crews waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.hospital import HOSPITAL_POLICIES, NEAREST
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome


class HospitalWaits(NamedTuple):
    """How long crews waited at hospitals.

    Parameters
    ----------
    hospital : ndarray of int64, shape (n,)
        Row of the hospital, for each crew that handed over there.
    wait_s : ndarray of float64, shape (n,)
        Seconds from arrival until the handover began.
    """

    hospital: NDArray[np.int64]
    wait_s: NDArray[np.float64]


def capabilities_of(hospitals: pd.DataFrame) -> list[frozenset[str]]:
    """Read what hospitals can do.

    Parameters
    ----------
    hospitals : DataFrame
        ``hospitals.csv``; names in the column `capabilities` are parted by semicolons.

    Returns
    -------
    list of frozenset of str
        Of each hospital; nothing where there is no such column.
    """
    if "capabilities" not in hospitals.columns:
        return [frozenset()] * len(hospitals)
    texts = [str(text).split(";") for text in hospitals["capabilities"].fillna("")]
    return [frozenset(name.strip() for name in names if name.strip()) for names in texts]


def bays_of(hospitals: pd.DataFrame) -> NDArray[np.int64]:
    """Read how many crews can hand over at once.

    Parameters
    ----------
    hospitals : DataFrame
        ``hospitals.csv``.

    Returns
    -------
    ndarray of int64, shape (hospitals,)
        The column `bays`; 0 for any number, where it is empty or left out.

    Raises
    ------
    InputError
        One of them is no whole number from 1 to 1,000,000.
    """
    bays = np.zeros(len(hospitals), dtype=np.int64)
    if "bays" not in hospitals.columns:
        return bays
    for row, text in enumerate(str(value).strip() for value in hospitals["bays"].fillna("")):
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1_000_000):
            raise InputError(
                f"{text!r} is no number of bays",
                field=f"hospitals.csv, row {row + 1}, bays",
                fix="give a whole number from 1 on, or leave it empty for any number of crews",
            )
        bays[row] = int(text)
    return bays


def hospital_rules(scenario: Scenario) -> dict[str, NDArray[Any]]:
    """Find which hospitals take which patients, how many at once, and who chooses.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    dict
        The fields of `scenarios.simulation.arrays.Rules` about hospitals; empty where
        every patient is taken to the nearest one and nobody waits.

    Raises
    ------
    InputError
        A capability that is asked for is nowhere, a number of bays is none, or there is no
        such policy.
    """
    settings, hospitals = scenario.settings, scenario.hospitals
    types = settings.types
    able, bays = capabilities_of(hospitals), bays_of(hospitals)
    asked = [frozenset(kind.hospital_needs or ()) for kind in types]
    name = HOSPITAL_POLICIES.resolve(settings.dispatch.hospital or NEAREST.id)
    if not (any(asked) or bays.any() or name != NEAREST.id):
        return {}
    accepts = np.array([[needs <= has for has in able] for needs in asked], dtype=np.bool_)
    accepts = accepts.reshape(len(types), len(hospitals))
    for number, kind in enumerate(types):
        if asked[number] and not accepts[number].any():
            raise InputError(
                f"patients of {kind.name!r} need a hospital with "
                f"{', '.join(sorted(asked[number]))}, and none has that",
                field="hospitals.csv, capabilities",
                fix="add it to a hospital, or change hospital_needs in scenario.toml",
            )
    patients, handover_ms = _patients(scenario)
    # those who can be expected in each hospital
    total = patients @ accepts
    return {
        "accepts": accepts,
        "bays": bays,
        "handover_ms": np.divide(
            (patients * handover_ms) @ accepts, total, out=np.zeros(len(hospitals)), where=total > 0
        ),
        "hospital_policy": np.array(list(name.encode()), dtype=np.uint8),
    }


def _patients(scenario: Scenario) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many patients of each type there are, by any unit, and their mean handover."""
    types, given = scenario.settings.types, scenario.incidents
    if given is not None:
        kind = given.type[given.transported]
        number = np.bincount(kind, minlength=len(types)).astype(np.float64)
        total_ms = np.bincount(kind, given.handover_ms[given.transported], len(types))
        return number, total_ms / np.maximum(number, 1)
    shares = {priority.name: priority.share for priority in scenario.settings.priorities}
    part = [shares[kind.priority] * kind.weight * (kind.transported or 0.0) for kind in types]
    mean_s = [kind.handover.mean_s if kind.handover else 0.0 for kind in types]
    return np.array(part), np.array(mean_s) * 1000


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
    return HospitalWaits(legs["hospital"] - zones, wait_s)


def summarise_waits(scenario: Scenario, waits: Sequence[HospitalWaits]) -> dict[str, Any]:
    """Say how long crews waited at hospitals, all in all and at each.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    waits : sequence of HospitalWaits
        From `waits_of`, of each replication.

    Returns
    -------
    dict
        ``hospitals`` for ``summary.json``, times in seconds; empty where the scenario has
        neither bays nor a hospital policy.
    """
    settings, bays = scenario.settings, bays_of(scenario.hospitals)
    if settings.dispatch.hospital is None and not bays.any():
        return {}
    hospital = np.concatenate([each.hospital for each in waits])
    wait_s = np.concatenate([each.wait_s for each in waits])
    each = {
        str(identifier): {"bays": int(bays[row]) or None, **_figures(wait_s[hospital == row])}
        for row, identifier in enumerate(scenario.hospitals["id"])
    }
    return {
        "hospitals": {
            "policy": HOSPITAL_POLICIES.resolve(settings.dispatch.hospital or NEAREST.id),
            "wait": _figures(wait_s),
            "by_hospital": each,
        }
    }


def _figures(wait_s: NDArray[np.float64]) -> dict[str, Any]:
    if not len(wait_s):
        return {"handovers": 0, "mean_s": None, "p90_s": None, "waited_share": None}
    return {
        "handovers": len(wait_s),
        "mean_s": float(wait_s.mean()),
        "p90_s": float(np.quantile(wait_s, 0.9)),
        "waited_share": float((wait_s > 0).mean()),
    }
