"""Prove that a log is what was written, and that the same code decides as it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.options import json_option
from api.output import report
from routing.errors import InputError

if TYPE_CHECKING:
    from api.live.asking_again import Verdict
    from api.live.folding import Folded
    from api.live.store import Store

DIFFERS = 1
"""Exit code where a decision comes out otherwise than it was shown."""


@click.command("verify-log")
@click.argument("store")
@click.option(
    "--decisions",
    is_flag=True,
    help="Ask again for all that was recommended, each at its moment, and compare.",
)
@click.option("--scenario", help="With --decisions: the scenario that the log was kept with.")
@json_option
@click.pass_context
def verify_log(
    ctx: click.Context, store: str, decisions: bool, scenario: str | None, as_json: bool
) -> None:  # numpydoc ignore=PR01
    """Prove that the event store STORE is what was written, record by record.

    Each record has a checksum, and is chained to the one before by SHA-256. It says which
    record is the first that cannot be trusted (exit code 2); all before it can. The state
    of the snapshots is compared with that of the log. With --decisions units and arrival
    times must come out as they were shown; it exits with 1 where they do not.
    """
    from api.live.exporting import open_log
    from api.live.folding import beginning

    if decisions != (scenario is not None):
        raise InputError(
            "--decisions and --scenario need each other",
            field="--scenario",
            fix="name the scenario that the log was kept with",
        )
    log = open_log(store, "STORE")
    try:
        begun = beginning(log).world.seq
        whole, damaged = _proved(log), log.damaged_snapshots()
        verdict = None if scenario is None else _asked_again(log, scenario)
    finally:
        log.close()
    document: dict[str, Any] = {
        "records": whole.world.seq,
        "chain": whole.chain.hex(),
        "whole": True,
        "proved_from": begun + 1,
        "damaged_snapshots": damaged,
    }
    pruned = f" from {begun + 1:,} on, what was before is pruned" if begun else ""
    lines = [f"{whole.world.seq:,} records, all whole{pruned}; chain {whole.chain.hex()}"]
    if damaged:
        which = "1 snapshot is" if damaged == 1 else f"{damaged} snapshots are"
        lines.append(f"{which} damaged: a start reads more of the log")
    if verdict is not None:
        document["decisions"] = verdict.to_json_dict()
        lines += _words(verdict)
    report(document, lines, as_json=as_json)
    if verdict is not None and verdict.differing:
        ctx.exit(DIFFERS)


def _proved(log: Store) -> Folded:
    from api.live.folding import fold

    whole = fold(log, from_start=True)
    pages = log.integrity()
    if pages is not None:
        raise InputError(
            f"all {whole.world.seq:,} records are whole, but the database is not: {pages}",
            field="STORE",
            fix="restore a backup, or dump and load it with sqlite3",
        )
    quick = fold(log)
    if quick.world != whole.world:
        raise InputError(
            f"the snapshot after record {quick.snapshot} is not what the log says",
            field="STORE",
            fix=f"delete the row of seq {quick.snapshot} in the table 'snapshots'; it is made anew",
        )
    return whole


def _asked_again(log: Store, scenario: str) -> Verdict:
    from api.city import City
    from api.live.asking_again import WORDS, ask_again
    from scenarios.packaging import load_scenario

    verdict = ask_again(log, City(load_scenario(scenario)), progress=True)
    if not verdict.asked and verdict.skipped:
        raise InputError(
            "no recommendation of the log could be asked again: "
            + "; ".join(f"{n:,} {WORDS[why]}" for why, n in verdict.skipped.items()),
            field="--scenario",
            fix="name the scenario as it was then",
        )
    return verdict


def _words(verdict: Verdict) -> list[str]:
    from api.live.asking_again import WORDS

    lines = [f"{verdict.same:,} of {verdict.asked:,} recommendations come out as they were shown"]
    lines += [f"not asked again: {n:,} {WORDS[why]}" for why, n in verdict.skipped.items()]
    if verdict.first is not None:
        first = verdict.first
        lines.append(
            f"the first that differs is record {first['record']}, for incident "
            f"{first['incident']} by {first['policy']}: shown {_units(first['shown'])}, "
            f"now {_units(first['now'])}"
        )
    return lines


def _units(said: dict[str, Any]) -> str:
    ranking = ", ".join(f"{unit} {seconds:g} s" for unit, seconds in said["alternatives"][:3])
    return f"{' and '.join(said['choice']) or 'nobody'} ({ranking or 'no unit'})"
