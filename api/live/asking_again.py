"""What was recommended, asked again of the log: the same code must say the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tqdm import tqdm

from api.deadline import Guard
from api.live.draft import Draft
from api.live.fleet_now import UnitPlaces
from api.live.folding import beginning
from api.live.ranking import choice_of, ranked
from api.live.roads import LiveRoads
from api.live.schemas import Asking
from api.live.service import LiveOptions

if TYPE_CHECKING:
    from api.city import City
    from api.live.records import Record
    from api.live.store import Store
    from api.live.world import World

_PATIENCE_S: Final = 600.0
_MOMENT: Final = ("now_ms", "limit", "stale_after_ms", "roads")

WORDS: Final = {
    "degraded": "makeshift answers",
    "moment_unsaid": "of a version that did not note the moment",
    "roads_changing": "made while closures changed",
    "other_scenario": "made with another scenario",
    "pruned": "made of a state that was pruned",
}
"""Why some are not asked again."""


@dataclass
class Verdict:
    """How recommendations came out when they were asked again.

    Parameters
    ----------
    same : int
        Those with the same units and arrival times.
    differing : int
        Those without.
    skipped : Counter
        Those that cannot be asked again, by the names of `WORDS`.
    first : dict or None
        The first that differs: its record, what was shown, and what is said now.
    """

    same: int = 0
    differing: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    first: dict[str, Any] | None = None

    @property
    def asked(self) -> int:
        """How many were asked again."""
        return self.same + self.differing

    def to_json_dict(self) -> dict[str, Any]:
        """Return it as JSON.

        Returns
        -------
        dict
            Its fields, and how many were asked.
        """
        return {
            "asked": self.asked,
            "same": self.same,
            "differing": self.differing,
            "skipped": dict(self.skipped),
            "first": self.first,
        }


class _Desk:
    """Stands for the service as it was; see `api.live.ranking.Answering`."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.places = UnitPlaces(city)
        self.options = LiveOptions(deadline_s=_PATIENCE_S)
        self.policies = Guard()
        self.stale_after_ms = 0
        self.roads = LiveRoads(city)


def ask_again(store: Store, city: City, *, progress: bool = False) -> Verdict:
    """Ask the very policy for each recommendation of a log, at the state it was made from.

    Parameters
    ----------
    store : Store
        The log.
    city : City
        The scenario that it was kept with; its roads are as before afterwards.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    Verdict
        What came out.

    Raises
    ------
    DamagedLogError
        At the first record that is not what was written.
    """
    begun = beginning(store)
    shown: dict[int, list[Record]] = {}
    for record in store.checked(begun.world.seq, begun.chain):
        if record.kind == "recommended":
            shown.setdefault(record.body["seq"], []).append(record)
    verdict, desk = Verdict(), _Desk(city)
    bar = tqdm(total=sum(map(len, shown.values())), disable=None if progress else True)
    draft = Draft(begun.world)
    verdict.skipped["pruned"] += sum(
        len(records) for seq, records in shown.items() if seq < begun.world.seq
    )
    try:
        with bar:
            _judge(desk, begun.world, shown, verdict, bar)
            for record in store.checked(begun.world.seq, begun.chain):
                draft.apply(record)
                if record.seq in shown:
                    world = draft.world()
                    draft = Draft(world)
                    _judge(desk, world, shown, verdict, bar)
    finally:
        desk.roads.put(())
    verdict.skipped = +verdict.skipped
    return verdict


def _judge(
    desk: _Desk, world: World, shown: dict[int, list[Record]], verdict: Verdict, bar: Any
) -> None:
    """Ask again what was asked of a state."""
    for record in shown.get(world.seq, ()):
        bar.update()
        body = record.body
        obstacle = _obstacle(desk, world, body)
        if obstacle:
            verdict.skipped[obstacle] += 1
            continue
        then = {"choice": body["choice"], "alternatives": body["alternatives"]}
        now = _now(desk, world, body)
        if then == now:
            verdict.same += 1
            continue
        verdict.differing += 1
        verdict.first = verdict.first or {
            "record": record.seq,
            "incident": body["incident"],
            "policy": body["policy"],
            "shown": then,
            "now": now,
        }


def _obstacle(desk: _Desk, world: World, body: dict[str, Any]) -> str:
    """Tell why a recommendation cannot be asked again; empty if it can."""
    if body["degraded"]:
        return "degraded"
    if any(name not in body for name in _MOMENT):
        return "moment_unsaid"
    if world.scenario != desk.city.scenario.hash:
        return "other_scenario"
    closures = world.closures
    if body["roads"] is None or any(
        name not in closures or closures[name].version != version for name, version in body["roads"]
    ):
        return "roads_changing"
    return ""


def _now(desk: _Desk, world: World, body: dict[str, Any]) -> dict[str, Any]:
    incident = world.incident(body["incident"])
    if incident is None:
        return {"choice": [], "alternatives": [], "reason": "there was no such incident"}
    desk.roads.put(world.closures[name] for name, _ in body["roads"])
    desk.stale_after_ms = body["stale_after_ms"]
    asking = Asking.model_construct(policy=body["policy"], limit=body["limit"])
    _, found = ranked(desk, world, incident, asking, body["now_ms"])
    said: dict[str, Any] = {
        "choice": list(choice_of(found)),
        "alternatives": [[each.unit, each.arrival_seconds] for each in found.ranking],
    }
    return said | ({"degraded": found.degraded_cause} if found.degraded else {})
