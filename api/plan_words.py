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
    worth = plan.get("marginal", {}).get("station", {})
    chosen = [
        (
            each["id"],
            each["name"],
            "stays" if each["existing"] else "new",
            f"{each['lon']:.5f}",
            f"{each['lat']:.5f}",
            units.get(each["id"], 0),
            percent(each["demand_share"]),
            *([_amount(worth.get(each["id"]))] if worth else []),
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
    cost = "" if plan["cost"] is None else f"cost {plan['cost']:,.2f}; "
    head = (
        f"{plan['city']}: {len(chosen)} stations by {plan['model']} "
        f"of {plan['candidates']['count']:,} candidates; {cost}{_proof(plan)}"
    )
    closed = ", ".join(each["name"] or each["id"] for each in plan["closed"])
    columns = ("<station", "<name", "<", "lon", "lat", "units", "demand")
    return [
        head,
        "",
        *table((*columns, "worth") if worth else columns, chosen),
        *([f"closed: {closed}"] if closed else []),
        *_more(plan),
        "",
        *_layers(plan),
        *table(
            ("<", "demand", f"within {drive}", "after", "mean drive", "after"),
            [("whole city", percent(1.0), *_before_after(plan)), *districts],
        ),
        *([f"and {left_out} districts that it changes less"] if left_out else []),
        f"({drive} of drive are what the standard {plan['standard']!r} leaves{_of_first(plan)})",
        *_empty(plan, units),
        "",
    ]


def _of_first(plan: Plan) -> str:
    """Say whom the table by district is about, where there are several."""
    return f"; this table: {_first(plan)}" if _first(plan) else ""


def _first(plan: Plan) -> str:
    """Name the first type of unit and slice of time, where there are several."""
    return _layer_name(plan["layers"][0]) if len(plan["layers"]) > 1 else ""


def _empty(plan: Plan, units: dict[str, int]) -> list[str]:
    """Say which stations count for nothing in the coverage after."""
    empty = [each for each in plan["stations"] if not units.get(each["id"])]
    if not empty:
        return []
    words = "station has no unit" if len(empty) == 1 else "stations have no unit"
    return [f"({len(empty)} {words}: the objective counts them, the coverage after does not)"]


def _more(plan: Plan) -> list[str]:
    """Tell what one more would be worth, in units of the objective."""
    marginal = plan.get("marginal")
    if not marginal:
        return []
    said = []
    if marginal["one_more_station"] is not None:
        said.append(f"one more station {_amount(marginal['one_more_station'])}")
    said += [
        f"one more {each['layer'] or 'unit'} {_amount(each['value'])}"
        for each in marginal["one_more_unit"]
    ]
    lives = "worth: change of the objective without the station, all else staying"
    return [f"({lives}{'; ' if said else ''}{'; '.join(said)})"]


def _layers(plan: Plan) -> list[str]:
    """Tell units and coverage by type of unit and slice of time, where there are several."""
    layers = plan["layers"]
    if len(layers) == 1 and layers[0]["units"] is None:
        return []
    stations = [each["id"] for each in plan["stations"]]
    rows = [
        (
            _layer_name(layer),
            *((layer["units"] or {}).get(station, 0) for station in stations),
            percent(layer["covered_share"]["before"]),
            percent(layer["covered_share"]["after"]),
        )
        for layer in layers
    ]
    return [*table(("<units", *stations, "within limit", "after"), rows), ""]


def _layer_name(layer: Plan) -> str:
    hours = "" if layer["hours"] is None else "{}-{} h".format(*layer["hours"])
    return " ".join(part for part in (layer["type"] or "", hours) if part)


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


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
    priced = first["cost"] is not None
    rows = [
        (
            len(plan["stations"]),
            f"{plan['objective']:,.2f}",
            f"{plan['bound']:,.2f}",
            f"{plan['gap']:.2%}",
            "yes" if plan["proven"] else "no",
            percent(plan["covered_share"]["after"]),
            clock(plan["mean_drive_s"]["after"]),
            *([_amount(plan["cost"])] if priced else []),
        )
        for plan in plans
    ]
    today = ("today", None, None, None, None, percent(first["covered_share"]["before"]))
    drive = clock(first["drive_limit_s"])
    head = ("stations", "objective", "bound", "gap", "proven", f"within {drive}", "mean drive")
    return [
        f"{first['city']}: by {first['model']} of {first['candidates']['count']:,} candidates",
        "",
        *table(
            (*head, "cost") if priced else head,
            [(*today, clock(first["mean_drive_s"]["before"]), *([None] if priced else [])), *rows],
        ),
        *([f"(within {drive} and mean drive: {_first(first)})"] if _first(first) else []),
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
