"""Fleet sizes as short tables."""

from __future__ import annotations

from typing import Any, Final

from api.output import clock, percent, table

_MOST_GROUNDS: Final = 12


def staff_lines(document: dict[str, Any]) -> list[str]:
    """Tell what each ground needs, its shifts, and what a simulation made of it.

    Parameters
    ----------
    document : dict
        The content of ``staffing.json``.

    Returns
    -------
    list of str
        Lines.
    """
    grounds = document["grounds"]
    told = sorted(grounds, key=lambda ground: -sum(ground["load"]))[:_MOST_GROUNDS]
    methods = list(grounds[0]["peak"])
    rows = [_sizes(ground, document["method"], methods) for ground in told]
    hours = sum(sum(ground["need"][document["method"]]) for ground in grounds)
    rows.append(
        (
            "all",
            None,
            f"{sum(ground['incidents_per_day'] for ground in grounds):,.1f}",
            None,
            None,
            *(sum(ground["peak"][method] for ground in grounds) for method in methods),
            f"{hours:,}",
            None,
            None,
            None,
        )
    )
    level = (
        f"utilisation {document['utilisation']:g}"
        if document["method"] == "frequency"
        else f"safety {document['safety']:g}"
    )
    head = f"{document['city']}: vehicles by {document['method']}, {level}, by {document['by']}"
    columns = (
        "<",
        "<type",
        "a day",
        "busy",
        "load",
        *methods,
        "hours",
        "above",
        "every",
        "none own",
    )
    left_out = len(grounds) - len(told)
    return [
        head,
        "",
        *table(columns, rows),
        *([f"and {left_out} grounds with a smaller load"] if left_out else []),
        "(largest need by each method; load: vehicles at work in the busiest hour; hours a week;",
        " above: share of time with more incidents than vehicles, and how often that begins;",
        f" none own: share of incidents that find as many others; all by {document['method']})",
        "",
        *_shift_lines(document),
        *_truth_lines(document),
    ]


def _sizes(ground: dict[str, Any], method: str, methods: list[str]) -> tuple[object, ...]:
    return (
        ground["name"],
        ground["unit_type"],
        f"{ground['incidents_per_day']:,.1f}",
        clock(ground["busy_s"]),
        f"{max(ground['load']):.2f}",
        *(ground["peak"][each] for each in methods),
        f"{sum(ground['need'][method]):,}",
        percent(ground["promised"]["demand_above_fleet"]),
        _period(ground["promised"]["shortfalls_per_week"]),
        percent(ground["promised"]["no_own_unit"]),
    )


def _period(per_week: float) -> str:
    """Write the return period of what happens so often in a week."""
    if per_week < 7 / 3650:
        return "over 10 years"
    days = 7 / per_week
    return f"{days:,.1f} days" if days >= 2 else f"{24 * days:.0f} h"


def _shift_lines(document: dict[str, Any]) -> list[str]:
    if "shifts" not in document:
        return []
    names = {ground["id"]: ground["name"] for ground in document["grounds"]}
    told = sorted(document["shifts"]["rosters"], key=lambda roster: -roster["vehicle_hours"])
    rows = [
        (
            names[roster["ground"]],
            _counted(roster["starts"]),
            roster["vehicle_hours"],
            f"{roster['cost']:,g}",
            f"{roster['bound']:,g}",
            "yes" if roster["proven"] else "no",
            sum(roster["over"]),
            sum(roster["under"]),
        )
        for roster in told[:_MOST_GROUNDS]
    ]
    head = ("<", "<shifts a week", "hours", "cost", "bound", "proven", "over", "under")
    return [*table(head, rows), "(over, under: vehicle hours beyond the need, and lacking)", ""]


def _counted(starts: list[dict[str, Any]]) -> str:
    count: dict[str, int] = {}
    for start in starts:
        count[start["shift"]] = count.get(start["shift"], 0) + start["count"]
    return ", ".join(f"{number} x {name}" for name, number in count.items()) or "none"


def _truth_lines(document: dict[str, Any]) -> list[str]:
    truth = document.get("simulated")
    if truth is None:
        return []
    names = {ground["id"]: ground["name"] for ground in document["grounds"]}
    runs = f"{truth['policy']}, {truth['replications']} x {truth['days']:g} days"
    lines = [f"simulated ({runs}; the simulator knows no shifts, so that the fleet stays the same)"]
    peak = truth["peak_hour"]
    hour = f"{peak['weekday']} {peak['hour']:02d}:00"
    for title, part in (
        ("the scenario's week, with the largest need of each ground", truth["week"]),
        (f"every hour as the busiest, {hour}, with its need", peak),
    ):
        told = sorted(part["grounds"], key=lambda g: -g["promised"]["utilisation"])
        rows = [_beside(names[g["id"]], g["vehicles"], g) for g in told[:_MOST_GROUNDS]]
        if len(part["grounds"]) > 1:
            rows.append(_beside("all", part["vehicles"], part["all"]))
        head = ("<", "vehicles", "above", "observed", "none own", "observed", "at work", "observed")
        lines += [f"{title}:", *table(head, rows), ""]
    return lines


def _beside(name: str, vehicles: int, part: dict[str, Any]) -> tuple[object, ...]:
    cells: list[object] = [name, vehicles]
    for key in ("demand_above_fleet", "no_own_unit", "utilisation"):
        seen = part["observed"][key]
        cells.append(percent(part["promised"][key]))
        if seen["value"] is None:
            cells.append(None)
        else:
            low, high = (f"{100 * seen[end]:.1f}" for end in ("low", "high"))
            cells.append(f"{percent(seen['value'])} ({low}-{high})")
    return tuple(cells)
