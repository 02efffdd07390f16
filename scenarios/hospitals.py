"""What hospitals can do, how many crews they take at once, and who chooses among them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.hospital import HOSPITAL_POLICIES, NEAREST
from routing.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.package import Scenario


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


def choosing(scenario: Scenario, policy: str | None) -> Scenario:
    """Return the same scenario under another hospital policy.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    policy : str or None
        Id of the policy, with its version or without; None for what the scenario says.

    Returns
    -------
    Scenario
        Of the same content and hash.

    Raises
    ------
    InputError
        There is no such policy.
    """
    if policy is None:
        return scenario
    try:
        return replace(scenario, hospital_policy=HOSPITAL_POLICIES.resolve(policy))
    except InputError as error:
        # a wrong dispatch policy is told as `policy`
        raise InputError(error.message, field="hospital", fix=error.fix) from None


def choice_of(scenario: Scenario) -> dict[str, str]:
    """Record the hospital policy that was asked for.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    dict
        ``hospital_policy``; empty where none was asked for.
    """
    return {"hospital_policy": scenario.hospital_policy} if scenario.hospital_policy else {}


def unused_choice(scenario: Scenario, *policies: str | None) -> list[str]:
    """Warn of hospital policies that have nothing to choose by.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    *policies : str or None
        Ids that were asked for.

    Returns
    -------
    list of str
        One line or none.

    Raises
    ------
    InputError
        There is no such policy.
    """
    asked = [choosing(scenario, each).hospital_policy for each in policies if each is not None]
    if not asked or bays_of(scenario.hospitals).any():
        return []
    idle = f"no hospital of {scenario.settings.name} has bays, so that no crew waits there"
    return [f"{idle} under {' or '.join(asked)}; hospitals.csv may say how many in a column `bays`"]


def policy_of(scenario: Scenario) -> str:
    """Tell which policy chooses the hospital.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    str
        Its id: what was asked for, else what the settings say, else the nearest.

    Raises
    ------
    InputError
        There is no such policy.
    """
    named = scenario.hospital_policy or scenario.settings.dispatch.hospital or NEAREST.id
    return HOSPITAL_POLICIES.resolve(named)


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
    name = policy_of(scenario)
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
