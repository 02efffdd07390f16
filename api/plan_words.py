"""Station plans as short tables."""

from __future__ import annotations

from typing import Any, Final

from api.output import clock, percent, table

_MOST_DISTRICTS: Final = 10

Plan = dict[str, Any]
"""The content of a ``plan.json``: see `scenarios.planning.CityPlan`."""


def plan_lines(plan: Plan) -> list[str]:
    """Tell one plan.

    Parameters
    ----------
    plan : dict
        The content of ``plan.json``.

    Returns
    -------
    list of str
        Lines.
    """
    units: dict[str, int] = {}
    for unit in plan["units"]:
        units[unit["station"]] = units.get(unit["station"], 0) + 1
    chosen = [
        (
            each["id"],
            each["name"],
            "stays" if each["existing"] else "new",
            f"{each['lon']:.5f}",
            f"{each['lat']:.5f}",
            units.get(each["id"], 0),
            percent(each["demand_share"]),
        )
        for each in plan["stations"]
    ]
    drive = clock(plan["drive_limit_s"])
    told = sorted(plan["by_district"], key=_weight)[:_MOST_DISTRICTS]
    districts = [
        (part["name"] or "no district", percent(part["demand_share"]), *_before_after(part))
        for part in told
    ]
    left_out = len(plan["by_district"]) - len(told)
    head = (
        f"{plan['city']}: {len(chosen)} stations by {plan['model']} "
        f"of {plan['candidates']['count']:,} candidates; {_proof(plan)}"
    )
    closed = ", ".join(each["name"] or each["id"] for each in plan["closed"])
    return [
        head,
        "",
        *table(("<station", "<name", "<", "lon", "lat", "units", "demand"), chosen),
        *([f"closed: {closed}"] if closed else []),
        "",
        *table(
            ("<", "demand", f"within {drive}", "after", "mean drive", "after"),
            [("whole city", percent(1.0), *_before_after(plan)), *districts],
        ),
        *([f"and {left_out} districts that it changes less"] if left_out else []),
        f"({drive} of drive are what the standard {plan['standard']!r} leaves)",
        "",
    ]


def plans_lines(plans: list[Plan]) -> list[str]:
    """Tell several plans side by side.

    Parameters
    ----------
    plans : list of dict
        The contents of ``plan.json``.

    Returns
    -------
    list of str
        Lines.
    """
    first = plans[0]
    rows = [
        (
            len(plan["stations"]),
            f"{plan['objective']:,.2f}",
            f"{plan['bound']:,.2f}",
            f"{plan['gap']:.2%}",
            "yes" if plan["proven"] else "no",
            percent(plan["covered_share"]["after"]),
            clock(plan["mean_drive_s"]["after"]),
        )
        for plan in plans
    ]
    today = ("today", None, None, None, None, percent(first["covered_share"]["before"]))
    drive = clock(first["drive_limit_s"])
    head = ("stations", "objective", "bound", "gap", "proven", f"within {drive}", "mean drive")
    return [
        f"{first['city']}: by {first['model']} of {first['candidates']['count']:,} candidates",
        "",
        *table(head, [(*today, clock(first["mean_drive_s"]["before"])), *rows]),
        "",
    ]


def _weight(part: Plan) -> float:
    """Order districts by the demand that gains or loses cover, most first."""
    covered = part["covered_share"]
    if covered["before"] is None:
        return 0.0
    return -abs(float(covered["after"] - covered["before"])) * float(part["demand_share"])


def _before_after(part: Plan) -> tuple[str, str, str, str]:
    covered, drive = part["covered_share"], part["mean_drive_s"]
    return (
        percent(covered["before"]),
        percent(covered["after"]),
        clock(drive["before"]),
        clock(drive["after"]),
    )


def _proof(plan: Plan) -> str:
    bound = f"objective {plan['objective']:,.2f}, bound {plan['bound']:,.2f}"
    return f"{bound}, " + ("proven best" if plan["proven"] else f"gap {plan['gap']:.2%}")
