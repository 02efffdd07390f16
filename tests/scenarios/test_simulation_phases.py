"""The event loop with everything on, against a second loop and against its promises.

BLUELIGHT_SCENARIOS sets how many random scenarios are tried.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import networkx as nx
import numpy as np
import pytest

from engine import events as ev
from engine.dispatch import CLOSEST, CLOSEST_IDLE
from scenarios.demand import IncidentTable
from scenarios.simulation.arrays import FLIGHT, Rules, new_world, slots_of
from scenarios.simulation.cursor import CHOOSING
from scenarios.simulation.kernel import start
from scenarios.simulation.run import Outcome, _unseen, run_replication
from tests.scenarios.full_city import FullCity, full_city, full_incidents, full_timeline
from tests.scenarios.second_loop import SecondLoop, expected_legs

SCENARIOS = int(os.environ.get("BLUELIGHT_SCENARIOS", "300"))
BATCH = 50
Played = tuple[FullCity, IncidentTable, Any, Outcome]


def played(seed: int) -> Played:
    rng = np.random.default_rng([seed, 5])
    city = full_city(rng)
    calls = full_incidents(rng, len(city.zones), int(rng.integers(0, 30)))
    end_ms = float(calls.call_ms[-1]) + 3_600_000 if calls.size else 3_600_000.0
    timeline = full_timeline(rng, city, end_ms)
    return city, calls, timeline, run_replication(city.travel, city.rules, calls, CLOSEST, timeline)


@pytest.mark.parametrize("batch", range(-(-SCENARIOS // BATCH)))
def test_random_scenarios(batch: int) -> None:
    for seed in range(batch * BATCH, min(SCENARIOS, (batch + 1) * BATCH)):
        city, calls, timeline, outcome = played(seed)
        try:
            equals_the_second_loop(city, calls, timeline, outcome)
            units_do_one_thing_at_a_time(outcome)
            nobody_is_lost(city, calls, outcome)
            times_are_ordered(calls, outcome)
            priority_is_respected(city, calls, outcome)
            nobody_outruns_the_roads(city, outcome)
        except AssertionError as error:
            raise AssertionError(f"scenario {seed}: {error}") from error


@pytest.mark.parametrize("batch", range(-(-SCENARIOS // BATCH)))
def test_what_nobody_sees_comes_out_the_same(batch: int) -> None:
    """Without a log and diversion steps are left out; with a log none is."""
    for seed in range(batch * BATCH, min(SCENARIOS, (batch + 1) * BATCH)):
        rng = np.random.default_rng([seed, 5])
        city = full_city(rng)
        calls = full_incidents(rng, len(city.zones), int(rng.integers(0, 30)))
        end_ms = float(calls.call_ms[-1]) + 3_600_000 if calls.size else 3_600_000.0
        timeline = full_timeline(rng, city, end_ms)
        quiet = city.rules._replace(divert=np.zeros_like(city.rules.divert))
        for policy, rules in itertools.product((CLOSEST, CLOSEST_IDLE), (quiet, city.rules)):
            seen, unseen = (
                run_replication(city.travel, rules, calls, policy, timeline, logged=logged)
                for logged in (True, False)
            )
            assert unseen.legs.tobytes() == seen.legs.tobytes(), (seed, policy.id)
            assert unseen.missing.tolist() == seen.missing.tolist(), (seed, policy.id)


def test_steps_are_left_out_only_where_nobody_sees_them() -> None:
    city, calls, timeline, _ = played(3)
    quiet = city.rules._replace(divert=np.zeros_like(city.rules.divert))

    def _left_out(
        rules: Rules, kernel: Any = CLOSEST.kernel, *, logged: bool = False, choosing: int = 0
    ) -> bool:
        world = new_world(city.travel, rules, calls, timeline, logged=logged)
        start(world)
        world.cursor[CHOOSING] = choosing
        return _unseen(world, kernel)

    assert _left_out(quiet)
    assert _left_out(quiet, CLOSEST_IDLE.kernel)
    turning = np.ones_like(quiet.divert)
    assert not _left_out(quiet._replace(divert=turning))
    assert not _left_out(quiet, logged=True)
    assert not _left_out(quiet, None)
    assert not _left_out(quiet, choosing=1)
    hospitals = city.travel.hospital.shape[2]
    full = quiet._replace(
        accepts=np.ones((len(quiet.type_ptr) - 1, hospitals), dtype=np.bool_),
        bays=np.ones(hospitals, dtype=np.int64),
        handover_ms=np.ones(hospitals),
    )
    assert not _left_out(full)
    assert not _left_out(quiet._replace(flight=np.zeros(len(quiet.crew), dtype=FLIGHT)))


def test_all_phases_occur() -> None:
    """The scenarios would prove nothing of what does not happen in them."""
    seen: dict[str, int] = dict.fromkeys(
        ("diverted", "unserved", "queued", "off", "several", "second choice", "far hospital"), 0
    )
    for seed in range(100):
        city, calls, _, outcome = played(seed)
        events = outcome.log["event"]
        seen["diverted"] += int((events == ev.DIVERTED).sum())
        seen["off"] += int((events == ev.OFF_DUTY).sum())
        seen["queued"] += int((events == ev.QUEUED).sum())
        seen["unserved"] += int((outcome.missing > 0).sum())
        sent = outcome.legs[outcome.legs["unit"] >= 0]
        units = np.bincount(sent["incident"], minlength=calls.size)
        seen["several"] += int((units > 1).sum())
        rules = city.rules
        lengths = np.diff(rules.alternative_ptr)[rules.type_ptr[:-1]]
        served = outcome.missing == 0
        seen["second choice"] += int((units != lengths[calls.type])[served].sum())
        ranked = city.travel.hospital["place"][:, :, 0]
        taken = sent[sent["hospital"] >= 0]
        nearest = ranked[:, calls.zone[taken["incident"]]]
        seen["far hospital"] += int((nearest != taken["hospital"]).all(axis=0).sum())
    assert min(seen.values()) > 30, seen


def equals_the_second_loop(
    city: FullCity, calls: IncidentTable, timeline: Any, outcome: Outcome
) -> None:
    loop = SecondLoop(city, calls, timeline)
    rows = loop.run()
    slots = slots_of(city.rules, calls.type) if calls.size else np.zeros(0, dtype=np.int64)
    expected = expected_legs(rows, outcome.legs, np.cumsum(slots) - slots)
    for name in outcome.legs.dtype.names or ():
        np.testing.assert_array_equal(outcome.legs[name], expected[name], err_msg=name)
    lacking = [len(loop.slots(case)) - len(case.units) for case in loop.cases]
    assert outcome.missing.tolist() == lacking


def units_do_one_thing_at_a_time(outcome: Outcome) -> None:
    """Follow each unit through the log: one incident until it is free or diverted."""
    serving: dict[int, int] = {}
    for row in outcome.log:
        unit, incident, event = int(row["unit"]), int(row["incident"]), int(row["event"])
        if event == ev.DIVERTED:
            assert serving.pop(unit) == incident
        elif event == ev.DISPATCHED:
            assert unit not in serving
            serving[unit] = incident
        elif event == ev.FREE:
            assert serving.pop(unit) == incident
        elif unit >= 0 and incident >= 0:
            assert serving[unit] == incident
    assert not serving
    for number in np.unique(outcome.legs["unit"]):
        if number >= 0:
            mine = outcome.legs[outcome.legs["unit"] == number]
            mine = mine[np.argsort(mine["dispatch_ms"], kind="stable")]
            assert (mine["free_ms"][:-1] <= mine["dispatch_ms"][1:]).all()


def nobody_is_lost(city: FullCity, calls: IncidentTable, outcome: Outcome) -> None:
    """Each incident is served in full, or what it lacks is told."""
    assert len(outcome.missing) == calls.size
    come = np.bincount(outcome.legs["incident"][outcome.legs["free_ms"] >= 0], minlength=calls.size)
    rules = city.rules
    for incident in range(calls.size):
        kind = int(calls.type[incident])
        first, end = rules.type_ptr[kind], rules.type_ptr[kind + 1]
        lengths = np.diff(rules.alternative_ptr)[first:end]
        assert come[incident] + outcome.missing[incident] in lengths
    sent = outcome.legs[outcome.legs["unit"] >= 0]
    assert (sent["free_ms"] >= 0).all()
    events = outcome.log["event"]
    for kind in (ev.CALL, ev.CALL_PROCESSED):
        assert (events == kind).sum() == calls.size


def times_are_ordered(calls: IncidentTable, outcome: Outcome) -> None:
    sent = outcome.legs[outcome.legs["unit"] >= 0]
    of = sent["incident"]
    ready = calls.call_ms[of] + calls.processing_ms[of]
    steps = [ready, sent["dispatch_ms"], sent["departed_ms"], sent["on_scene_ms"]]
    for earlier, later in itertools.pairwise(steps):
        assert (earlier <= later).all()
    taken = sent["hospital"] >= 0
    left = sent["on_scene_ms"] + calls.on_scene_ms[of]
    np.testing.assert_array_equal(sent["left_ms"][taken], left[taken])
    arrived = sent["at_hospital_ms"][taken]
    assert (sent["left_ms"][taken] <= arrived).all()
    np.testing.assert_array_equal(sent["free_ms"][taken], arrived + calls.handover_ms[of][taken])
    np.testing.assert_array_equal(sent["free_ms"][~taken], left[~taken])
    assert (np.diff(outcome.log["time_ms"]) >= 0).all()
    assert calls.transported[of][taken].all()


def priority_is_respected(city: FullCity, calls: IncidentTable, outcome: Outcome) -> None:
    """Nobody is served out of the queue while somebody before him waits for the same alone.

    Compared are incidents of types with a single way to be answered by a single unit, of
    one need, that have lost no unit; where some may take units from others, within a
    priority.
    """
    rules = city.rules
    simple = {}
    for kind in range(len(rules.type_ptr) - 1):
        first, end = rules.type_ptr[kind : kind + 2]
        slots = rules.alternative_ptr[first : first + 2]
        if end == first + 1 and slots[1] == slots[0] + 1:
            simple[kind] = int(rules.slots["need"][slots[0]])
    diverted = set(outcome.log["incident"][outcome.log["event"] == ev.DIVERTED].tolist())
    begins = np.searchsorted(outcome.legs["incident"], np.arange(calls.size))
    first_row = outcome.legs[begins]
    cases = [i for i in range(calls.size) if int(calls.type[i]) in simple and i not in diverted]
    ready = calls.call_ms + calls.processing_ms
    for one in cases:
        sent_ms = float(first_row[one]["dispatch_ms"])
        waited_until = np.inf if sent_ms < 0 else sent_ms
        for other in cases:
            behind = (int(calls.priority[one]), one) < (int(calls.priority[other]), other)
            same = simple[int(calls.type[one])] == simple[int(calls.type[other])]
            then = float(first_row[other]["dispatch_ms"])
            alike = calls.priority[one] == calls.priority[other] or not rules.divert.any()
            if behind and same and alike and ready[one] < then:
                assert waited_until <= then


def nobody_outruns_the_roads(city: FullCity, outcome: Outcome) -> None:
    """Between two places a unit takes the fastest way of any period with siren, or longer."""
    node = city.zones + city.hospitals + city.stations
    least = city.graphs[0].copy()
    for tail, head, arc in least.edges(data=True):
        arc["siren"] = min(graph.edges[tail, head]["siren"] for graph in city.graphs)
    siren = dict(nx.all_pairs_dijkstra_path_length(least, weight="siren"))
    last = {unit: (0.0, city.stations[home]) for unit, home in enumerate(city.rules.crew["home"])}
    for row in outcome.log:
        unit, place, event = int(row["unit"]), int(row["place"]), int(row["event"])
        if unit < 0:
            continue
        if event in (ev.ON_SCENE, ev.AT_HOSPITAL, ev.AT_STATION):
            since, origin = last[unit]
            assert row["time_ms"] - since >= siren[origin][node[place]]
        if place >= 0 and event not in (ev.LEFT_SCENE, ev.OFF_DUTY, ev.ON_DUTY):
            last[unit] = (float(row["time_ms"]), node[place])
