"""What becomes of a sized fleet when it is simulated, beside what the formula promised.

The formula lets every ground serve itself, and every hour last for ever. In the
simulation the closest unit is sent, wherever it belongs, and a queue waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine import events
from engine.shifts import WEEKDAYS
from routing.errors import InputError
from scenarios.demand import horizon_ms
from scenarios.draws import drawn
from scenarios.policies import load_policy
from scenarios.replications import run_replications
from scenarios.simulation.tables import build_tables
from scenarios.staffing import promised
from scenarios.statistics import Estimate, estimate, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome
    from scenarios.staffing import Ground, Staffing

_POLICY = "closest"
_END = {"station": events.AT_STATION, "free": events.FREE}


@dataclass(frozen=True, eq=False)
class _Fleet:
    """A scenario with a sized fleet, and whose ground each unit and incident is of, -1: none."""

    scenario: Scenario
    unit_ground: NDArray[np.int64]  # (units,)
    ground: NDArray[np.int64]  # (priorities, zones)


def simulate_staffing(
    staffing: Staffing,
    *,
    replications: int = 20,
    seed: int = 1,
    workers: int = 1,
    progress: bool = False,
) -> dict[str, Any]:
    """Simulate a sized fleet twice, and tell the outcome beside the promise.

    The simulator knows no shifts yet. So the fleet stays the same: over the
    scenario's own week the largest need of each ground, and over a week in which every
    hour is the one with the largest load the need of that hour. A vehicle that is sent
    off on its way home has ended its return, which is shorter than the formula has it.

    Parameters
    ----------
    staffing : Staffing
        The sizes, by station or for the whole city.
    replications : int
        Independent runs of the horizon, at least 2: intervals are over these.
    seed, workers : int
        As in `scenarios.runs.simulate`.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    dict
        ``policy``, ``seed``, ``replications``, ``days``, and ``week`` and
        ``peak_hour``, each with ``grounds`` and ``all``: ``promised`` and ``observed``
        by the names of `scenarios.staffing.promised`; observed ones with intervals.

    Raises
    ------
    InputError
        Grounds are districts, whose units would have no home of their own; there are
        too few replications; or the fleet cannot serve the scenario.
    """
    _check_homes(staffing)
    if replications < 2:
        raise InputError(
            f"{replications} replication gives no interval",
            field="--simulate",
            fix="give 2 or more",
        )
    loads = np.stack([ground.load for ground in staffing.grounds])
    peak = int(np.argmax(loads.sum(axis=0)))
    options = {
        "replications": replications,
        "seed": seed,
        "workers": workers,
        "progress": progress,
    }
    in_week = staffing.need.max(axis=1)
    in_peak = staffing.need[:, peak]
    scenario = staffing.scenario
    return {
        "policy": _POLICY,
        "seed": seed,
        "replications": replications,
        "days": scenario.settings.horizon.days,
        "week": _beside(staffing, staffing.grounds, scenario, in_week, options),
        "peak_hour": {
            "weekday": WEEKDAYS[peak // 24],
            "hour": peak % 24,
            **_beside(
                staffing,
                [_lasting(ground, peak) for ground in staffing.grounds],
                _flat(scenario, sum(ground.rate_h[peak] for ground in staffing.grounds)),
                in_peak,
                options,
            ),
        },
    }


def staffed_scenario(staffing: Staffing) -> Scenario:
    """Return the city with the vehicles that its grounds need at most in a week.

    Parameters
    ----------
    staffing : Staffing
        The sizes, by station or for the whole city, whose vehicles are spread over
        stations by the demand that is nearest to each, one after the other (D'Hondt).

    Returns
    -------
    Scenario
        The same city; units of types that no ground asks for stay.

    Raises
    ------
    InputError
        Grounds are districts, or nothing is needed at all.
    """
    _check_homes(staffing)
    return _fleet(staffing.scenario, staffing.grounds, staffing.need.max(axis=1)).scenario


def _check_homes(staffing: Staffing) -> None:
    if staffing.question.ground == "district":
        raise InputError(
            "the units of a district have no station of their own to be sent from",
            field="--ground",
            fix="ask by station or city",
        )


def _fleet(scenario: Scenario, grounds: Sequence[Ground], vehicles: NDArray[np.int64]) -> _Fleet:
    sized = {ground.unit_type for ground in grounds}
    kept = scenario.units[~scenario.units["type"].isin(sized)]
    rows = [
        (kind, station, -1) for kind, station in zip(kept["type"], kept["station"], strict=True)
    ]
    station_ids = scenario.stations["id"].tolist()
    # one zone lies in a ground of each type, which its priorities tell apart
    places = (len(scenario.settings.priorities), len(scenario.zones))
    ground_of = np.full(places, -1, dtype=np.int64)
    for number, (ground, count) in enumerate(zip(grounds, vehicles.tolist(), strict=True)):
        for row in ground.priorities:
            ground_of[row, ground.zones] = number
        given = np.zeros(len(ground.stations))
        for _ in range(count):
            given[np.argmax(ground.weight / (given + 1))] += 1
        for station, units in zip(ground.stations, given.astype(int).tolist(), strict=True):
            rows += [(ground.unit_type, station_ids[station], number)] * units
    if not rows:
        raise InputError(
            "the method asks for no vehicle at all", field="--least", fix="give 1 for each ground"
        )
    units = pd.DataFrame(
        [(f"U{row + 1:03d}", kind, station) for row, (kind, station, _) in enumerate(rows)],
        columns=["id", "type", "station"],
    )
    home = np.array([ground for _, _, ground in rows], dtype=np.int64)
    return _Fleet(scenario.with_fleet(scenario.stations, units), home, ground_of)


def _lasting(ground: Ground, hour: int) -> Ground:
    return replace(ground, rate_h=np.full(len(ground.rate_h), ground.rate_h[hour]))


def _flat(scenario: Scenario, rate_h: float) -> Scenario:
    """Return the city with the same demand in every hour."""
    demand = scenario.settings.demand.model_copy(
        update={
            "incidents_per_day": float(rate_h * 24),
            "hour_profile": [1.0] * 24,
            "weekday_profile": [1.0] * 7,
        }
    )
    return replace(
        scenario, settings=scenario.settings.model_copy(update={"demand": demand}), hash=""
    )


def _beside(
    staffing: Staffing,
    grounds: Sequence[Ground],
    scenario: Scenario,
    vehicles: NDArray[np.int64],
    options: dict[str, Any],
) -> dict[str, Any]:
    fleet = _fleet(scenario, grounds, vehicles)
    tables = build_tables(fleet.scenario)
    counted = {k: v for k, v in options.items() if k != "progress"}
    incidents = drawn(fleet.scenario, **counted)
    outcomes = run_replications(
        tables,
        incidents,
        load_policy(_POLICY),
        workers=options["workers"],
        progress=options["progress"],
    )
    end = _END[staffing.question.until]
    span = horizon_ms(fleet.scenario.settings.horizon)
    seen = np.stack([_observed(outcome, fleet, vehicles, end, span) for outcome in outcomes])
    told = [
        {
            "id": ground.id,
            "unit_type": ground.unit_type,
            "vehicles": int(count),
            "promised": promised(ground, np.full(len(ground.load), count)),
            "observed": _told(seen[:, [number]], vehicles[[number]], span),
        }
        for number, (ground, count) in enumerate(zip(grounds, vehicles.tolist(), strict=True))
    ]
    return {
        "vehicles": int(vehicles.sum()),
        "grounds": told,
        "all": {
            "promised": _together(grounds, vehicles, told),
            "observed": _told(seen, vehicles, span),
        },
    }


_COLUMNS = ("incidents", "none", "above_ms", "busy_ms", "begun")


def _observed(
    outcome: Outcome, fleet: _Fleet, vehicles: NDArray[np.int64], end: int, span: int
) -> NDArray[np.float64]:
    """Count, for each ground, the columns of `_COLUMNS` in one replication."""
    log, grounds = outcome.log, len(vehicles)
    asked = np.flatnonzero(log["event"] == events.CALL_PROCESSED)
    asked = asked[np.argsort(log["incident"][asked])]
    ground = fleet.ground[outcome.incidents.priority, outcome.incidents.zone]
    busy = np.zeros((grounds, len(asked)), dtype=np.int64)
    busy_ms = np.zeros(grounds)
    over_ms = np.full(len(asked), float(span))
    concerns = (log["event"] == events.DISPATCHED) | (log["event"] == end)
    for unit, own in enumerate(fleet.unit_ground.tolist()):
        rows = np.flatnonzero(concerns & (log["unit"] == unit))
        sent = log["event"][rows] == events.DISPATCHED
        time = log["time_ms"][rows]
        begins = np.flatnonzero(sent)
        over_ms[log["incident"][rows[begins]]] = time[begins + 1]
        if own >= 0:
            last = np.searchsorted(rows, asked) - 1
            busy[own] += (last >= 0) & sent[last] if len(rows) else 0
            clipped = np.minimum(time, span)
            busy_ms[own] += (clipped[begins + 1] - clipped[begins]).sum()
    none = busy[ground, np.arange(len(asked))] >= vehicles[ground]
    counted = ground >= 0
    start_ms = log["time_ms"][asked]
    above_ms, begun = np.zeros(grounds), np.zeros(grounds)
    for number in range(grounds):
        inside = ground == number
        above_ms[number], begun[number] = _time_above(
            np.minimum(start_ms[inside], span), np.minimum(over_ms[inside], span), vehicles[number]
        )
    return np.stack(
        [
            np.bincount(ground[counted], minlength=grounds).astype(np.float64),
            np.bincount(ground[none & counted], minlength=grounds).astype(np.float64),
            above_ms,
            busy_ms,
            begun,
        ],
        axis=1,
    )


def _time_above(
    start: NDArray[np.int64], end: NDArray[np.int64], vehicles: int
) -> tuple[float, int]:
    """Return for how long more than so many intervals run, and how often that begins."""
    time = np.concatenate([end, start])  # who ends at a moment makes way for who begins
    step = np.repeat(np.array([-1, 1]), len(start))
    order = np.argsort(time, kind="stable")
    running = np.cumsum(step[order])
    above = running > vehicles
    begun = int((above[1:] & ~above[:-1]).sum() + (above[:1].sum()))
    return float((np.diff(time[order]) * above[:-1]).sum()), begun


def _told(seen: NDArray[np.float64], vehicles: NDArray[np.int64], span: int) -> dict[str, Any]:
    """Make estimates over replications of what was counted in grounds, taken together."""
    count = {name: seen[:, :, column].sum(axis=1) for column, name in enumerate(_COLUMNS)}
    one = np.ones(len(seen))
    held = int(vehicles.sum())
    found = {
        "demand_above_fleet": ratio(count["above_ms"], one * span * seen.shape[1]),
        "no_own_unit": ratio(count["none"], count["incidents"], share=True),
        "shortfalls_per_week": ratio(count["begun"], one * span / (7 * 86_400_000)),
        "utilisation": ratio(count["busy_ms"], one * span * held),
    }
    return {name: _if_ever(estimate(each)).to_json_dict() for name, each in found.items()}


def _if_ever(found: Estimate) -> Estimate:
    if found.low == found.high == 0:
        return Estimate(None, None, None, "it never happened, so that no interval can be given")
    return found


def _together(
    grounds: Sequence[Ground], vehicles: NDArray[np.int64], told: list[dict[str, Any]]
) -> dict[str, float]:
    """Take the promises of grounds together as `_told` does what was observed."""
    held = vehicles.sum()
    arriving = np.array([ground.rate_h.sum() for ground in grounds])
    weight = {
        "demand_above_fleet": np.full(len(grounds), 1 / len(grounds)),
        "no_own_unit": arriving / arriving.sum(),
        "erlang_loss": arriving / arriving.sum(),
        "shortfalls_per_week": np.ones(len(grounds)),
        "utilisation": vehicles / held,
    }
    return {
        name: float(each @ np.array([part["promised"][name] for part in told]))
        for name, each in weight.items()
    }
