"""The summary of a run: what was measured, with intervals, and what standards make of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from engine.survival import CURVES
from scenarios.observations import parts_of
from scenarios.statistics import BATCHES, LEVEL, Estimate, estimate
from scenarios.steady_state import steady_state

if TYPE_CHECKING:
    from scenarios.measures import Measures
    from scenarios.observations import Observations

SURVIVAL_NOTE: Final = (
    "Expected survivors to discharge if the given shares of incidents were cardiac arrests "
    "and the published curve held here. It compares response times on one scale; it is "
    "neither a count nor a forecast of lives: age, illnesses, rhythm, bystanders and "
    "treatment weigh as much and are not simulated, and only cardiac arrests are counted. "
    "Shares, and the times from collapse to call and from arrival to treatment, are "
    "assumptions of scenario.toml; intervals hold the chance of the simulation alone, not "
    "the doubt about curve and assumptions, of which the differences between curves give "
    "a first idea."
)


def summarise(seen: Observations, measures: Measures, header: dict[str, Any]) -> dict[str, Any]:
    """Write the summary of a run.

    Parameters
    ----------
    seen : Observations
        The run.
    measures : Measures
        What was measured of it.
    header : dict
        What it is a summary of.

    Returns
    -------
    dict
        The content of ``summary.json``; times in seconds.
    """
    settings = seen.scenario.settings
    counts = {
        column: {name: int(mask.sum()) for name, mask in parts_of(seen, column).items()}
        for column in ("priority", "district")
    }
    standards = []
    for standard in settings.standards:
        achieved = measures.total.get(f"standard:{standard.name}")
        if achieved is not None:
            verdict = judge(estimate(achieved), standard.share)
            standards.append({**standard.model_dump(), "verdict": verdict})
    return {
        **header,
        "interval": interval_note(header["replications"]),
        "incidents": {
            "total": len(seen.frame),
            "unserved": int(seen.frame["response_time"].isna().sum()),
            "by_priority": counts["priority"],
            "by_district": counts["district"],
        },
        "standards": standards,
        "outcome": {
            **settings.outcome.model_dump(),
            "arrest_shares": {
                kind.name: float(share)
                for kind, share in zip(settings.types, settings.arrest_shares, strict=True)
            },
            "resuscitation": asdict(settings.outcome.how),
            "curves": {name: each.reference for name, each in CURVES.items()},
            "note": SURVIVAL_NOTE,
        },
        **_aid(seen),
        **measures.to_json_dict(),
        **({"steady_state": steady_state(seen)} if header["replications"] == 1 else {}),
    }


def _aid(seen: Observations) -> dict[str, Any]:
    """Count the incidents that a neighbour's unit was first at."""
    scenario = seen.scenario
    kinds = scenario.settings.unit_types
    given = [kinds[name].mutual_aid is not None for name in scenario.units["type"]]
    if not any(given):
        return {}
    neighbours = scenario.units["id"].to_numpy()[given].tolist()
    first = seen.frame["unit"].astype(str)
    helped = int(first.isin(neighbours).sum())
    return {"mutual_aid": {"incidents": helped, "share": helped / max(1, len(first))}}


def interval_note(replications: int) -> dict[str, Any]:
    """Say how the intervals were made.

    Parameters
    ----------
    replications : int
        How many there are.

    Returns
    -------
    dict
        Level and method.
    """
    groups = (
        f"{replications} replications"
        if replications > 1
        else f"{BATCHES} stretches of one replication (batch means)"
    )
    method = f"jackknife t interval over {groups}; of quantiles between order statistics (Woodruff)"
    return {"level": LEVEL, "method": method}


def judge(achieved: Estimate, target: float) -> str:
    """Say whether a standard is held, as far as the interval tells.

    Parameters
    ----------
    achieved : Estimate
        Share of incidents within the limit.
    target : float
        Share that the standard asks for.

    Returns
    -------
    str
        ``met``, ``missed``, or ``open`` where the interval holds the target.
    """
    if achieved.low is None or achieved.high is None:
        return "open"
    if achieved.low >= target:
        return "met"
    return "missed" if achieved.high < target else "open"
