"""Runs beside the best that anyone could have done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.clairvoyant import clairvoyant
from engine.clairvoyant.hindsight import fleet_of, improve
from scenarios.best_possible import _cover, best_possible
from scenarios.clairvoyance import offline_problem, reordered
from scenarios.demand import draw_incidents
from scenarios.importers import IMPORTERS
from scenarios.operations import Shift
from scenarios.policies import load_policy
from scenarios.runs import as_policy, run
from scenarios.simulation.tables import build_tables
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from engine.dispatch import DispatchState
    from scenarios.package import Scenario

DAYS = 2.0


class KeepsOneBack:
    """Sends the closest unit, but never the last free one."""

    def decide(self, state: DispatchState) -> int:
        free = state.feasible
        return int(state.arrival_ms.argmin()) if free.sum() > 1 else -1


def busy_city() -> Scenario:
    city = toy_city()
    settings = city.settings
    changed = {
        "demand": settings.demand.model_copy(update={"incidents_per_day": 60.0}),
        "horizon": settings.horizon.model_copy(update={"days": DAYS}),
    }
    return replace(city, settings=settings.model_copy(update=changed), incidents=None)


@pytest.mark.parametrize("shifts", [False, True])
def test_who_lets_nobody_wait_beside_a_free_unit_is_told_from_who_does(shifts: bool) -> None:
    city = busy_city()
    if shifts:
        shift = Shift.model_validate(
            {"name": "day", "days": ["mon", "tue"], "start": "08:00", "end": "20:00"}
        )
        settings = city.settings.model_copy(update={"shifts": [shift]})
        units = city.units.assign(shift=["day", "", "day", "", ""])
        city = replace(city, settings=settings, units=units)
    incidents = [draw_incidents(city, 1, number) for number in range(2)]
    best = best_possible(city, incidents, seed=1)
    tables = build_tables(city)
    holds = {}
    for policy in (load_policy("closest"), load_policy("batch"), as_policy(KeepsOneBack())):
        frame = run(city, tables, policy, incidents, seed=1).incidents
        assert (frame["queue_time"] > 0).any()
        beside = best.beside(frame, moves=False)
        # whoever waits too long ends all bounds: here it is the rest that is looked at
        holds[policy.id] = not best._waited_beside_a_free_unit(frame)
        if beside["at_once"]["holds"]:
            assert beside["late"] >= best.to_json_dict()["at_once"]["late"]
    assert list(holds.values()) == [True, True, False]


def test_spans_cover_a_time_or_leave_a_gap() -> None:
    spans = np.array([[-np.inf, 1.0], [1.0, 5.0], [2.0, 3.0], [5.5, 8.0]])
    assert _cover(spans, 0.0, 5.0)
    assert not _cover(spans, 0.0, 6.0)
    assert not _cover(spans, 7.0, 8.5)
    assert not _cover(spans, 9.0, 10.0)
    assert _cover(spans, 6.0, 7.0)


def test_utrecht_is_solved_to_the_end(reference_data: Path) -> None:
    """Places on straight ways, as that simulator has them, and a plan that is proven best."""
    options = {"case": "diesel_3", "allocation": "Base_Locations_Ambulances_MEXCLP_21_22_23.csv"}
    read = IMPORTERS["elaspy"].read(reference_data / "elaspy", options).scenario
    city = replace(read, incidents=None)
    tables = build_tables(city)
    limit_ms = np.array([720_000.0])
    proven, better = 0, 0
    for number in range(3):
        calls = reordered(draw_incidents(city, 1, number), np.arange(150))
        jobs, crews = offline_problem(tables, calls, limit_ms)
        rng = np.random.default_rng(1)
        closest, _ = improve(jobs, fleet_of(crews), 0, rng, False, 0.0, 0.0)
        served = run(city, tables, load_policy("closest"), [calls], seed=1).incidents
        assert (served["queue_time"] == 0).all()
        assert closest == (served["response_time"] > 720).sum()
        found = clairvoyant(jobs, crews, at_once=True)
        assert found.reached is not None
        assert found.bound <= found.reached <= closest
        proven += found.proven
        better += found.reached < closest
    assert proven > 0
    assert better > 1
