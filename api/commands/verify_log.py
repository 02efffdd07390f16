"""Prove that a log is what was written."""

from __future__ import annotations

import click

from api.options import json_option
from api.output import report
from routing.errors import InputError


@click.command("verify-log")
@click.argument("store")
@json_option
def verify_log(store: str, as_json: bool) -> None:  # numpydoc ignore=PR01
    """Prove that the event store STORE is what was written, record by record.

    Each record has a checksum, and is chained to the one before by SHA-256. It says which
    record is the first that cannot be trusted (exit code 2); all before it can. The state
    of the snapshots is compared with that of the log.
    """
    from pathlib import Path

    from api.live.folding import fold
    from api.live.schema import check_tables
    from api.live.store import Store

    if "://" not in store and not Path(store).is_file():
        raise InputError(f"there is no store {store}", field="STORE", fix="name an existing one")
    log = Store(store)
    try:
        check_tables(log.engine)
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
                fix="delete the rows of the table 'snapshots'; they are made anew",
            )
    finally:
        log.close()
    document = {"records": whole.world.seq, "chain": whole.chain.hex(), "whole": True}
    report(
        document,
        [f"{whole.world.seq:,} records, all whole; chain {whole.chain.hex()}"],
        as_json=as_json,
    )
