"""Small random cities as plain tables, and a second event loop that knows only a graph.

The reference loop shares nothing with the compiled one: dictionaries, `heapq` and
networkx paths in place of arrays and tables.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import networkx as nx
import numpy as np

from scenarios.demand import IncidentTable
from scenarios.simulation.arrays import (
    CREW,
    DRIVE,
    HOSPITAL,
    PRIORITY,
    SLOT,
    TRACK,
    Rules,
    Travel,
    packed,
)
from scenarios.simulation.closest import nearest_stations

if TYPE_CHECKING:
    from numpy.typing import NDArray

Graph: TypeAlias = "nx.DiGraph[int]"
PROFILES = ("normal", "siren")


@dataclass
class City:
    """A graph whose places are nodes: zones first, then hospitals, then stations."""

    graph: Graph
    zones: list[int]
    hospitals: list[int]
    stations: list[int]
    travel: Travel
    rules: Rules


def random_city(
    seed: int, *, zones: int = 4, hospitals: int = 2, stations: int = 2, units: int = 3
) -> City:
    """Draw a strongly connected graph, places and units; times so diverse that ties are rare."""
    rng = np.random.default_rng(seed)
    nodes = 12
    graph: Graph = nx.DiGraph()
    ring = rng.permutation(nodes).tolist()
    extra = rng.integers(0, nodes, (2 * nodes, 2)).tolist()
    for tail, head in [*zip(ring, ring[1:] + ring[:1], strict=True), *extra]:
        if tail != head:
            normal = int(rng.integers(10_000, 300_000))
            siren = int(normal * rng.uniform(0.5, 1.0))
            graph.add_edge(tail, head, normal=normal, siren=siren, m=int(normal * 0.012))
    places = rng.integers(0, nodes, zones + hospitals + stations).tolist()
    zone, hospital = places[:zones], places[zones : zones + hospitals]
    station = places[zones + hospitals :]
    capable = rng.random((2, units)) < 0.7
    capable[:, 0] = True
    rules = Rules(
        suitable=capable,
        priority=packed(PRIORITY, np.array([1, 0]), np.array([0, 0])),
        crew=_crew(rng.integers(0, stations, units), rng.choice([0, 60_000], units)),
        **one_unit_each(2),
    )
    return City(graph, zone, hospital, station, travel_of(graph, zone, hospital, station), rules)


def _crew(home: NDArray[Any], turnout_ms: NDArray[Any]) -> NDArray[Any]:
    return packed(CREW, home, turnout_ms, turnout_ms)


def one_unit_each(types: int) -> dict[str, Any]:
    """Return the rules by which an incident of type i needs one unit that suits need i."""
    return {
        "divert": np.zeros((types, types), dtype=np.bool_),
        "type_ptr": np.arange(types + 1),
        "alternative_ptr": np.arange(types + 1),
        "slots": packed(SLOT, np.arange(types), np.ones(types, dtype=np.bool_)),
    }


def travel_of(graph: Graph, zones: list[int], hospitals: list[int], stations: list[int]) -> Travel:
    nodes = sorted(graph)
    places = zones + hospitals + stations
    ms = {p: dict(nx.all_pairs_dijkstra_path_length(graph, weight=p)) for p in PROFILES}
    paths = {p: dict(nx.all_pairs_dijkstra_path(graph, weight=p)) for p in PROFILES}

    def metres(profile: str, tail: int, head: int) -> float:
        return nx.path_weight(graph, paths[profile][tail][head], "m")

    def drives(
        profile: str, tails: list[int], heads: list[int], ahead: int | list[list[int]] = -1
    ) -> NDArray[Any]:
        shape = (len(tails), len(heads))
        return packed(
            DRIVE,
            np.array([[ms[profile][a][b] for b in heads] for a in tails]),
            np.array([[metres(profile, a, b) for b in heads] for a in tails]),
            np.broadcast_to(np.array(ahead), shape),
        )

    def ranked(profile: str, zone: int) -> list[tuple[int, float, float]]:
        found = [(ms[profile][zone][goal], h) for h, goal in enumerate(hospitals)]
        return [
            (len(zones) + h, time, metres(profile, zone, hospitals[h])) for time, h in sorted(found)
        ]

    def after(profile: str, heads: list[int]) -> list[list[int]]:
        return [[paths[profile][v][b][1] if v != b else -1 for b in heads] for v in nodes]

    def from_junctions(profile: str, heads: list[int]) -> NDArray[Any]:
        return np.ascontiguousarray(drives(profile, nodes, heads, after(profile, heads)).T)

    own = {n: [[v] * n for v in places] for n in (len(zones), len(stations))}
    drive = np.stack([drives(p, places, zones, own[len(zones)]) for p in PROFILES])
    return Travel(
        drive=drive,
        turn=np.stack([from_junctions(p, zones) for p in PROFILES]),
        hospital=np.array([[ranked(p, z) for z in zones] for p in PROFILES], dtype=HOSPITAL),
        home=drives("normal", places, stations, own[len(stations)])[None],
        rest=from_junctions("normal", stations)[None],
        track_ptr=np.zeros(1, dtype=np.int64),
        track=np.zeros(0, dtype=TRACK),
        nearest=nearest_stations(drive, len(stations)),
    )


def random_incidents(seed: int, count: int, zones: int, *, spacing_ms: int) -> IncidentTable:
    """Draw incidents; `spacing_ms` between calls decides how often units are short."""
    rng = np.random.default_rng([seed, 1])
    transported = rng.random(count) < 0.6
    call_ms = np.cumsum(rng.integers(0, 2 * spacing_ms, count)).astype(np.float64)
    zone = rng.integers(0, zones, count).astype(np.int32)
    priority = rng.integers(0, 2, count).astype(np.int32)
    return IncidentTable(
        call_ms=call_ms,
        zone=zone,
        priority=priority,
        type=priority,
        transported=transported,
        processing_ms=rng.choice([0.0, 30_000.0, 90_000.0], count),
        on_scene_ms=rng.integers(0, 1_200_000, count).astype(np.float64),
        handover_ms=np.where(transported, rng.integers(0, 900_000, count), 0).astype(np.float64),
    )


class ReferenceLoop:
    """The rules of the simulation, written again from their description."""

    order = ("departed", "on_scene", "left_scene", "at_hospital", "free", "at_station", "call")

    def __init__(self, city: City, calls: IncidentTable, *, redirect: bool) -> None:
        self.city, self.calls, self.redirect = city, calls, redirect
        self.heap: list[tuple[int, int, int, int]] = []
        self.waiting: list[int] = []
        self.tours: dict[int, int] = {}
        self.units = [
            {"state": "station", "node": city.stations[home], "home": city.stations[home]}
            for home in city.rules.crew["home"].tolist()
        ]
        self.result: list[dict[str, int]] = [{} for _ in range(calls.size)]
        self.metres = [0.0] * len(self.units)

    def run(self) -> list[dict[str, int]]:
        """Return unit, times and way of each incident."""
        for incident, time in enumerate(self.calls.call_ms.tolist()):
            processed = time + int(self.calls.processing_ms[incident])
            heapq.heappush(self.heap, (processed, 7, incident, 0))
        while self.heap:
            now, kind, subject, tour = heapq.heappop(self.heap)
            if kind == 7:
                if not self.serve(now, subject):
                    self.waiting.append(subject)
                    self.waiting.sort(key=lambda i: (int(self.calls.priority[i]), i))
            elif kind == 4:
                self.free(now, subject)
            elif self.tours.get(subject) == tour and self.units[subject]["state"] == "returning":
                me = self.units[subject]
                me.update(state="station", node=me["home"])
                self.metres[subject] += nx.path_weight(self.city.graph, me["path"], "m")
                self.take_from_queue(now)
        return self.result

    def take_from_queue(self, now: int) -> None:
        for incident in list(self.waiting):
            if self.serve(now, incident):
                self.waiting.remove(incident)

    def free(self, now: int, unit: int) -> None:
        me = self.units[unit]
        me["state"] = "standing"
        self.take_from_queue(now)
        if me["state"] != "standing":
            return
        path = nx.dijkstra_path(self.city.graph, me["node"], me["home"], weight="normal")
        me.update(state="returning", left=now, path=path)
        self.tours[unit] = self.tours.get(unit, 0) + 1
        back = now + int(nx.path_weight(self.city.graph, path, "normal"))
        heapq.heappush(self.heap, (back, 5, unit, self.tours[unit]))

    def options(self, now: int, incident: int) -> list[tuple[int, int, int, int]]:
        """List (arrival, unit, turnout, metres) of the units that can be sent."""
        graph = self.city.graph
        priority = int(self.calls.priority[incident])
        profile = PROFILES[self.city.rules.priority["response"][priority]]
        goal = self.city.zones[self.calls.zone[incident]]
        found = []
        for unit, me in enumerate(self.units):
            if not self.city.rules.suitable[priority, unit] or me["state"] == "busy":
                continue
            node, lead, lead_m, turnout = me["node"], 0, 0, 0
            if me["state"] == "station":
                turnout = int(self.city.rules.crew["turnout_ms"][unit])
            if me["state"] == "returning":
                if not self.redirect:
                    continue
                node, lead, lead_m = self.next_node(now, me)
            path = nx.dijkstra_path(graph, node, goal, weight=profile)
            arrival = now + turnout + lead + nx.path_weight(graph, path, profile)
            found.append((arrival, unit, turnout, lead_m + nx.path_weight(graph, path, "m")))
        return found

    def next_node(self, now: int, me: dict[str, Any]) -> tuple[int, int, int]:
        """Walk the path home: next node, time and metres to it."""
        clock, node = me["left"], me["path"][0]
        if clock == now:
            return node, 0, 0
        for tail, head in zip(me["path"], me["path"][1:], strict=False):
            arc = self.city.graph.edges[tail, head]
            if clock + arc["normal"] >= now:
                done = arc["m"] * (now - clock) // arc["normal"]
                return head, clock + arc["normal"] - now, arc["m"] - done
            clock, node = clock + arc["normal"], head
        return node, 0, 0

    def serve(self, now: int, incident: int) -> bool:
        options = self.options(now, incident)
        if not options:
            return False
        arrival, unit, turnout, metres = min(options)
        me, calls = self.units[unit], self.calls
        if me["state"] == "returning":
            node, _, lead_m = self.next_node(now, me)
            path = me["path"][: me["path"].index(node) + 1]
            self.metres[unit] += nx.path_weight(self.city.graph, path, "m") - lead_m
        self.metres[unit] += metres
        zone = int(calls.zone[incident])
        end = arrival + int(calls.on_scene_ms[incident])
        node, hospital = self.city.zones[zone], -1
        if calls.transported[incident]:
            row = int(self.city.rules.priority["transport"][calls.priority[incident]])
            lengths = [
                nx.dijkstra_path_length(self.city.graph, node, h, weight=PROFILES[row])
                for h in self.city.hospitals
            ]
            hospital = lengths.index(min(lengths))
            goal = self.city.hospitals[hospital]
            path = nx.dijkstra_path(self.city.graph, node, goal, weight=PROFILES[row])
            self.metres[unit] += nx.path_weight(self.city.graph, path, "m")
            node = self.city.hospitals[hospital]
            end += int(min(lengths)) + int(calls.handover_ms[incident])
        me.update(state="busy", node=node)
        self.result[incident] = {
            "unit": unit,
            "dispatch_ms": now,
            "departed_ms": now + turnout,
            "on_scene_ms": arrival,
            "free_ms": end,
            "hospital": hospital + len(self.city.zones) if hospital >= 0 else -1,
            "distance_m": metres,
        }
        heapq.heappush(self.heap, (end, 4, unit, 0))
        return True


def still_city(servers: int) -> tuple[Travel, Rules]:
    """Return one zone, no hospital and one station, with no time between them."""
    travel = Travel(
        drive=np.zeros((1, 2, 1), dtype=DRIVE),
        turn=np.zeros((1, 1, 0), dtype=DRIVE),
        hospital=np.zeros((1, 1, 0), dtype=HOSPITAL),
        home=np.array([[[(0, 0, -1)], [(0, 0, -1)]]], dtype=DRIVE),
        rest=np.zeros((1, 1, 0), dtype=DRIVE),
        track_ptr=np.zeros(1, dtype=np.int64),
        track=np.zeros(0, dtype=TRACK),
    )
    rules = Rules(
        suitable=np.ones((1, servers), dtype=np.bool_),
        priority=np.zeros(1, dtype=PRIORITY),
        crew=np.zeros(servers, dtype=CREW),
        **one_unit_each(1),
    )
    return travel, rules
