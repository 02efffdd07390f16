"""From the log to a run folder, and from what it keeps of the log to the same bytes again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from api.live.draft import Draft
from api.live.folding import beginning
from api.live.kept_records import FILE, kept, kept_world, needed, read_records, write_records
from api.live.recorded_day import Day, Window, day_of
from api.live.schema import check_tables
from api.live.store import DamagedLogError, Store
from api.live.unsaid import WORDS
from routing.errors import InputError
from scenarios.folders import check_replaceable, staged_folder
from scenarios.packaging import load_scenario
from scenarios.recorded import SCENARIO, keep_recorded
from scenarios.replay import ReplayResult
from scenarios.runs import MARKER, REPEATABLE, RunResult, digest

if TYPE_CHECKING:
    from api.live.records import Record
    from api.live.world import World
    from scenarios.package import Scenario

_GRACE_MS: Final = 3_600_000
"""So long after the window calls may still come into the log that were answered within it."""
_LONGEST_MS: Final = 24 * 3_600_000
"""So long after the window its incidents are followed at most."""


class Asked(NamedTuple):
    """What is to be exported.

    Parameters
    ----------
    begin, end : datetime or None
        From when until when; without an offset local. None: the local midnight before the
        first record, and the one after the last.
    metres : float
        What places are coarsened to; 0 keeps them.
    """

    begin: datetime | None = None
    end: datetime | None = None
    metres: float = 100.0


class Stretch(NamedTuple):
    """What was read of a log.

    Parameters
    ----------
    start : World
        What was the case before, places coarsened.
    records : list of Record
        What happened then, without who caused it.
    window : Window
        From when until when calls count.
    """

    start: World
    records: list[Record]
    window: Window


def open_log(url: str, field: str = "LOG") -> Store:
    """Open a log to read it.

    Parameters
    ----------
    url : str
        A path, or a URL of PostgreSQL.
    field : str
        What it is called, for messages.

    Returns
    -------
    Store
        A log with the tables of this version.

    Raises
    ------
    InputError
        There is none.
    """
    if "://" not in url and not Path(url).is_file():
        raise InputError(f"there is no store {url}", field=field, fix="name an existing one")
    store = Store(url)
    try:
        check_tables(store.engine)
    except InputError:
        store.close()
        raise
    return store


def export_log(store: Store, city: Scenario, asked: Asked, out: Path) -> RunResult:
    """Write a stretch of a log as a run folder, whole or not at all.

    Parameters
    ----------
    store : Store
        The log; it is only read, and may be written to meanwhile.
    city : Scenario
        The scenario that it was kept with.
    asked : Asked
        What of it, and how finely.
    out : Path
        The folder.

    Returns
    -------
    RunResult
        The run.

    Raises
    ------
    InputError
        The log is damaged, nobody called in that time, or the scenario is another one.
    """
    check_replaceable(out, MARKER)
    stretch = read_stretch(store, city, asked)
    day = _day(city, stretch)
    started = [each.body["scenario"] for each in stretch.records if each.kind == "started"]
    served = [stretch.start.scenario, *started][-1]
    with staged_folder(out, MARKER) as stage:
        write_records(stage / FILE, stretch.start, stretch.records)
        origin = {
            "from": _iso(stretch.window.from_ms),
            "to": _iso(stretch.window.to_ms),
            "from_ms": stretch.window.from_ms,
            "to_ms": stretch.window.to_ms,
            "name": day.scenario.settings.name,
            "first_record": stretch.records[0].seq if stretch.records else stretch.start.seq,
            "last_record": stretch.records[-1].seq if stretch.records else stretch.start.seq,
            "coarsened_m": asked.metres,
            "served": {"hash": served, "same": served in {"", city.hash}},
        }
        result = keep_recorded(day.scenario, day.outcome, _recorded(origin, day, stage), stage)
    return replace(result, folder=out)


def _day(city: Scenario, stretch: Stretch, name: str = "") -> Day:
    try:
        return day_of(city, *stretch, name)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the records contradict each other: {error!r}", field="LOG") from error


def _recorded(origin: dict[str, Any], day: Day, stage: Path) -> dict[str, Any]:
    return {
        **origin,
        "to_zones_m": {"mean": day.moved_m[0], "most": day.moved_m[1]},
        "unsaid": {
            name: {"count": count, "means": WORDS[name]} for name, count in day.counts.items()
        },
        "records": {"file": FILE, "sha256": digest(stage / FILE)},
    }


def rebuild(folder: Path, out: Path) -> ReplayResult:
    """Make a day anew of the records that its run keeps, and compare the bytes.

    Parameters
    ----------
    folder : Path
        Of `export_log`.
    out : Path
        Folder for the new run, another than the old one's.

    Returns
    -------
    ReplayResult
        The new run, and what is not the same.

    Raises
    ------
    InputError
        The folder is no export, or is damaged so that nothing can be made of it.
    """
    if out.resolve() == folder.resolve():
        raise InputError(f"{out} is the run itself", field="--out", fix="name another folder")
    try:
        manifest = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        origin = dict(manifest["recorded"])
        window = Window(int(origin["from_ms"]), int(origin["to_ms"]))
        name, scenario_hash = str(origin["name"]), manifest["scenario"]["hash"]
        sealed = origin["records"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is no export ({error!r})", fix="export it anew") from error
    if not (folder / FILE).is_file() or digest(folder / FILE) != sealed:
        raise InputError(f"{folder / FILE} was changed since it was written", fix="export it anew")
    start, records = read_records(folder / FILE)
    day = _day(load_scenario(folder / SCENARIO), Stretch(start, records, window), name)
    for key in ("to_zones_m", "unsaid", "records"):
        origin.pop(key, None)
    with staged_folder(out, MARKER) as stage:
        write_records(stage / FILE, start, records)
        result = keep_recorded(day.scenario, day.outcome, _recorded(origin, day, stage), stage)
        differing = [
            name
            for name in (*REPEATABLE, FILE)
            if not (folder / name).is_file()
            or (folder / name).read_bytes() != (stage / name).read_bytes()
        ]
        if result.scenario.hash != scenario_hash:
            differing.append(SCENARIO)
    return ReplayResult(not differing, tuple(differing), replace(result, folder=out))


def read_stretch(store: Store, city: Scenario, asked: Asked) -> Stretch:
    """Read a stretch of a log, each record proved.

    Parameters
    ----------
    store : Store
        The log.
    city : Scenario
        Whose time is local.
    asked : Asked
        What of it, and how finely.

    Returns
    -------
    Stretch
        The records of that time, and those after it that tell how its incidents ended.

    Raises
    ------
    InputError
        The log is damaged, or has nothing of that time.
    """
    window = _window(store, city, asked)
    begun = beginning(store)
    draft, start = Draft(begun.world), None
    records: list[Record] = []
    called: set[str] = set()
    for record in store.checked(begun.world.seq, begun.chain):
        if start is None and record.at_ms >= window.from_ms:
            start = kept_world(draft.world(), asked.metres)
            draft = Draft(draft.world())
        if record.at_ms >= window.to_ms and _settled(draft, called, record.at_ms - window.to_ms):
            break
        try:
            draft.apply(record)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedLogError(record.seq, f"it cannot have happened: {error}") from error
        if start is None:
            continue
        records.append(kept(record, asked.metres))
        called_ms = record.body["called_ms"] if record.kind == "incident_created" else -1
        if window.from_ms <= called_ms < window.to_ms:
            called.add(record.body["incident"])
    if start is None:
        start = kept_world(draft.world(), asked.metres)
    return Stretch(start, needed(records, window.to_ms, called), window)


def _settled(draft: Draft, called: set[str], beyond_ms: int) -> bool:
    """Tell whether nothing is to come any more of the window's incidents."""
    if beyond_ms < _GRACE_MS:
        return False
    found = (draft.incidents.get(name) for name in called)
    over = all(each is None or each.state == "served" for each in found)
    return over or beyond_ms >= _LONGEST_MS


def _window(store: Store, city: Scenario, asked: Asked) -> Window:
    zone = ZoneInfo(city.settings.horizon.timezone)
    ends = store.ends()
    if ends is None:
        raise InputError("nothing was written to the log yet", field="LOG")
    first, last = (datetime.fromtimestamp(each.at_ms / 1000, zone) for each in ends)
    begin = asked.begin or datetime.combine(first.date(), time(), zone)
    end = asked.end or datetime.combine(last.date() + timedelta(days=1), time(), zone)
    from_ms, to_ms = (
        round((each if each.tzinfo else each.replace(tzinfo=zone)).timestamp() * 1000)
        for each in (begin, end)
    )
    if from_ms > ends[1].at_ms or from_ms < to_ms <= ends[0].at_ms:
        raise InputError(
            f"the log has nothing from {_iso(from_ms)} to {_iso(max(from_ms, to_ms))}",
            field="--from, --to",
            fix=f"it goes from {_iso(ends[0].at_ms)} to {_iso(ends[1].at_ms)}",
        )
    if from_ms >= to_ms:
        raise InputError(
            f"{_iso(to_ms)} is not after {_iso(from_ms)}", field="--to", fix="name a later time"
        )
    pruned = ends[0].seq > 1 and from_ms < ends[0].at_ms
    if pruned and asked.begin is not None:
        raise InputError(
            f"what was before {_iso(ends[0].at_ms)} was pruned from the log",
            field="--from",
            fix="name a later time",
        )
    return Window(ends[0].at_ms if pruned else from_ms, to_ms)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")
