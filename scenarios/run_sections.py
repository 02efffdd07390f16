"""Sections of a run's report: zones, hours, types, quantiles, queues, lives, hospitals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scenarios.figures import HourPanel, MapView, coverage_maps, hour_profile
from scenarios.hospital_waits import WAITS
from scenarios.measures import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.settings import Standard

_NOTHING: Final = {"text": "–"}
_FEW: Final = 5
"""Zones with fewer incidents than this show chance, and are left white."""


def response_map(scenario: Scenario, table: pd.DataFrame, standard: Standard) -> dict[str, Any]:
    """Map the mean response time of each zone.

    Parameters
    ----------
    scenario : Scenario
        The city.
    table : DataFrame
        From `scenarios.breakdown`.
    standard : Standard
        Colours turn at its limit.

    Returns
    -------
    dict
        A section of a report.
    """
    zones = table[(table["by"] == "zone") & (table["incidents"] >= _FEW)].set_index("name")
    mean = zones["value"].reindex([str(name) for name in scenario.zones["id"]])
    shown = MapView(scenario.settings.name, scenario, mean.to_numpy(np.float64))
    return {
        "heading": "How long it takes where",
        "text": (
            "Each dot is a demand zone, as large as its demand, coloured by the mean response "
            f"time that was simulated there; blue is within {standard.limit_s / 60:g} minutes, "
            f"orange beyond. Zones with under {_FEW} incidents are left out. Intervals of all "
            "zones are in statistics.csv."
        ),
        "image": coverage_maps([shown], standard.limit_s),
        "alt": "Map of demand zones by simulated mean response time",
    }


def hours(table: pd.DataFrame) -> dict[str, Any]:
    """Draw demand, response and busy units by hour of the day.

    Parameters
    ----------
    table : DataFrame
        From `scenarios.breakdown`.

    Returns
    -------
    dict
        A section of a report.
    """
    part = table[table["by"] == "hour"]
    panels = []
    for measure, label, scale in (
        ("incidents_per_hour", "incidents an hour", 1.0),
        ("response_mean", "mean response, minutes", 1 / 60),
        ("busy_units", "units busy", 1.0),
    ):
        rows = part[part["measure"] == measure].sort_values("name")
        numbers = rows[["value", "low", "high"]].to_numpy(np.float64).T * scale
        panels.append(HourPanel(label, *numbers))
    return {
        "heading": "Through the day",
        "text": "By local hour of the call, and of the clock for busy units; bands are 95 % "
        "intervals.",
        "image": hour_profile(panels),
        "alt": "Incidents, mean response and busy units by hour of the day",
    }


def quantiles(table: pd.DataFrame, by: str = "priority") -> dict[str, Any]:
    """Tabulate quantiles of the response time with both intervals.

    Parameters
    ----------
    table : DataFrame
        From `scenarios.breakdown`.
    by : str
        What incidents are split by, beside all of them.

    Returns
    -------
    dict
        A section of a report.
    """
    part = table[table["by"].isin(["all", by]) & table["measure"].isin(list(QUANTILES))]
    rows = []
    for (_, name), group in part.groupby(["by", "name"], sort=False):
        row: list[Mapping[str, str]] = [{"text": "all incidents" if name == "all" else str(name)}]
        for measure in QUANTILES:
            said = group[group["measure"] == measure].iloc[0]
            cell = _minutes(said)
            order = _span(said["order_low"] / 60, said["order_high"] / 60, 2)
            row += [cell, {"text": order or "–"}]
        rows.append(row)
    head = [""]
    for level in QUANTILES.values():
        head += [f"{100 * level:g} % reached after", "if independent"]
    return {
        "heading": "Quantiles",
        "text": "Minutes until so many were reached, with 95 % intervals between order statistics: "
        "in small print with the error between replications, or stretches of one (Woodruff 1952), "
        "beside it as if incidents were independent of each other (binomial), which they "
        "are not where they share a busy hour.",
        "table": {"head": head, "rows": rows},
    }


def types(table: pd.DataFrame, standards: Sequence[Standard]) -> dict[str, Any]:
    """Tabulate response and standards by type of incident.

    Parameters
    ----------
    table : DataFrame
        From `scenarios.breakdown`.
    standards : sequence of Standard
        Response standards.

    Returns
    -------
    dict
        A section of a report.
    """
    part = table[table["by"] == "type"]
    rows = []
    for name, group in part.groupby("name", sort=False):
        said = group.set_index("measure")
        row: list[Mapping[str, str]] = [
            {"text": str(name)},
            {"text": f"{int(group['incidents'].iloc[0]):,}"},
            *(_minutes(said.loc[key]) for key in ("response_mean", "response_p90", "on_scene")),
        ]
        for standard in standards:
            key = f"within {standard.name}"
            row.append(_percent(said.loc[key]) if key in said.index else _NOTHING)
        rows.append(row)
    head = ["type", "incidents", "mean response", "90 % reached after", "on scene"]
    return {
        "heading": "By type of incident",
        "text": "Minutes, and shares within each standard, with 95 % intervals.",
        "table": {"head": [*head, *(f"within {each.name}" for each in standards)], "rows": rows},
    }


def lives(
    told: Sequence[tuple[str, Mapping[str, Any]]], changes: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Tabulate expected survivors by every published curve, side by side.

    Parameters
    ----------
    told : sequence of tuple of str and mapping
        Labels and summaries of one run or more.
    changes : sequence of mapping
        Paired differences of the runs after the first from it, if there are any.

    Returns
    -------
    dict
        A section of a report.
    """
    first = told[0][1]
    chosen = first["outcome"]["survival"]
    heads = [*(f"{label} survivors a year".strip() for label, _ in told)]
    heads += [f"change, {label}" for (label, _), _ in zip(told[1:], changes, strict=True)]
    rows = []
    for name, source in first["outcome"]["curves"].items():
        mark = " (of this scenario)" if name == chosen else ""
        row: list[Mapping[str, str]] = [{"text": f"{name}{mark}", "note": source}]
        row += [_survivors(said["survivors_by_curve"][name], ",.2f") for _, said in told]
        row += [_survivors(change["survivors_by_curve"][name], "+,.3f") for change in changes]
        rows.append(row)
    assumed = ", ".join(
        f"{key} {value:g}" for key, value in first["outcome"]["resuscitation"].items()
    )
    shares = ", ".join(
        f"{name} {100 * share:g} %" for name, share in first["outcome"]["arrest_shares"].items()
    )
    return {
        "heading": "Lives, by published curve",
        "text": "Expected survivors to discharge a year, with 95 % intervals of the simulation "
        "alone. That curves differ more than intervals are wide shows how little such numbers say "
        "by themselves; whether a change helps by all of them is what to look for. Share of "
        f"cardiac arrests: {shares}. Assumed: {assumed}. " + first["outcome"]["note"],
        "table": {"head": ["curve", *heads], "rows": rows},
    }


def best_possible(bound: Mapping[str, Any]) -> dict[str, Any]:
    """Tabulate how far runs are from the best that anyone could have done.

    Parameters
    ----------
    bound : mapping
        As `scenarios.compare` puts it into ``comparison.json``.

    Returns
    -------
    dict
        A section of a report.
    """
    at_once = bound["at_once"]
    rows = [
        [
            {"text": each["label"]},
            {"text": f"{each['late']:,}"},
            *({"text": _times_the_bound(one)} for one in (each, each["at_once"])),
        ]
        for each in bound["policies"]
    ]
    return {
        "heading": "The best possible",
        "text": f"Of {bound['incidents']:,} incidents that a standard is for, nobody who knew all "
        "of them beforehand, lets units drive home, and nobody wait longer than "
        f"{bound['longest_s'] / 60:g} minutes beyond the limit could have reached fewer than "
        f"{bound['late']:,} late; nor fewer than {at_once['late']:,}, if nobody waits while a unit "
        "is free. In brackets: no bound for the policy, since it moves units, or lets somebody "
        "wait too long or beside a free unit.",
        "table": {"head": ["", "late", "times the least", "the same, at once"], "rows": rows},
    }


def _times_the_bound(beside: Mapping[str, Any]) -> str:
    if beside["ratio"] is None:
        return "–"
    return f"{beside['ratio']:.2f}" if beside["holds"] else f"({beside['ratio']:.2f})"


def _survivors(said: Mapping[str, Any], form: str) -> Mapping[str, str]:
    if said["value"] is None:
        return _NOTHING
    if said["low"] is None:
        return {"text": f"{said['value']:{form}}"}
    return {
        "text": f"{said['value']:{form}}",
        "note": f"{said['low']:{form}} to {said['high']:{form}}",
    }


def queues(table: pd.DataFrame) -> dict[str, Any]:
    """Tabulate who waited for a unit, and how many at a time.

    Parameters
    ----------
    table : DataFrame
        From `scenarios.breakdown`.

    Returns
    -------
    dict
        A section of a report.
    """
    rows = []
    part = table[table["by"].isin(["all", "priority"])]
    for (by, name), group in part.groupby(["by", "name"], sort=False):
        said = group.set_index("measure")
        row: list[Mapping[str, str]] = [
            {"text": "all incidents" if by == "all" else str(name)},
            _percent(said.loc["queued_share"]),
            _minutes(said.loc["wait_of_queued"]),
        ]
        for key, digits in (("queue_length", 4), ("queue_longest", 2)):
            row.append(_number(said.loc[key], 1.0, digits) if by == "all" else _NOTHING)
        rows.append(row)
    return {
        "heading": "Queues",
        "text": "Incidents that found no unit to send, minutes that they waited, how many wait on "
        "average over time, and the longest queue of a replication, on average over them.",
        "table": {
            "head": ["", "waited for a unit", "wait of those", "waiting", "longest queue"],
            "rows": rows,
        },
    }


def hospitals(told: Mapping[str, Any], table: pd.DataFrame) -> list[dict[str, Any]]:
    """Tabulate how long crews waited for a bay.

    Parameters
    ----------
    told : mapping
        The summary of the run.
    table : DataFrame
        From `scenarios.breakdown`.

    Returns
    -------
    list of dict
        A section of a report; none where no hospital has bays, or nothing is known of waits.
    """
    part = table[table["measure"].isin(WAITS)]
    if part.empty:
        return []
    said = told["hospitals"]
    counts = [("all", "all", said)]
    counts += [("hospital", name, each) for name, each in said["by_hospital"].items()]
    rows = []
    for by, name, each in counts:
        row: list[Mapping[str, str]] = [
            {"text": "all hospitals" if by == "all" else name},
            {"text": f"{each['bays']:,}"} if each.get("bays") else _NOTHING,
            {"text": f"{each['handovers']:,}"},
        ]
        own = part[(part["by"] == by) & (part["name"] == name)].set_index("measure")
        for measure, form in zip(WAITS, (_minutes, _minutes, _percent), strict=True):
            row.append(form(own.loc[measure]) if measure in own.index else _NOTHING)
        rows.append(row)
    return [
        {
            "heading": "Waiting for a bay",
            "text": "Minutes from a crew's arrival at hospital until its handover began, of all "
            "crews, also those that did not wait, with 95 % intervals. Where no bays are given "
            f"nobody waits. The hospital was chosen by {said['policy']}.",
            "table": {
                "head": ["", "bays", "handovers", "mean wait", "90 % begin after", "waited"],
                "rows": rows,
            },
        }
    ]


def steady(said: Mapping[str, Any] | None) -> list[str]:
    """Tell the warm-up of a run of one replication.

    Parameters
    ----------
    said : mapping or None
        From `scenarios.steady_state`; None where there are several.

    Returns
    -------
    list of str
        A note or none.
    """
    if said is None:
        return []
    if not said["warm_up_found"]:
        return ["The run is too short to tell where its warm-up ends (MSER-5)."]
    mean = said["response_mean"]
    if mean["value"] is None:
        return []
    interval = _span(mean["low"] / 60, mean["high"] / 60, 2)
    cut = f"{said['warm_up'] / 3600:.1f} hours, {said['discarded']:,} incidents"
    mean_after = f"{mean['value'] / 60:.2f} minutes ({interval})"
    return [f"Warm-up by MSER-5: {cut}; mean response after it {mean_after} by batch means."]


def _minutes(said: Any) -> Mapping[str, str]:
    return _number(said, 1 / 60, 2)


def _percent(said: Any) -> Mapping[str, str]:
    return _number(said, 100, 1, " %")


def _number(said: Any, scale: float, digits: int, unit: str = "") -> Mapping[str, str]:
    if np.isnan(said["value"]):
        return {"text": "–", "note": said["reason"] or ""}
    text = f"{said['value'] * scale:,.{digits}f}{unit}"
    return {"text": text, "note": _span(said["low"] * scale, said["high"] * scale, digits)}


def _span(low: float, high: float, digits: int) -> str:
    ends: NDArray[np.float64] = np.array([low, high])
    return "" if np.isnan(ends).any() else f"{low:,.{digits}f} to {high:,.{digits}f}"
