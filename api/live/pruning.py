"""Let go of what is old: the log then begins with a state, and is proved from there on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete

from api.live.draft import Draft
from api.live.folding import Folded, beginning, snapshot_of
from api.live.records import Entry, sealed
from api.live.store import DamagedLogError
from api.live.tables import LOG, SNAPSHOTS
from routing.errors import InputError

if TYPE_CHECKING:
    from api.live.store import Store


class Pruned(NamedTuple):
    """What was let go of.

    Parameters
    ----------
    removed : int
        How many records.
    first : int
        Number of the first record that is left.
    last : int
        Number of the last one.
    """

    removed: int
    first: int
    last: int


def prune(store: Store, before_ms: int, now_ms: int, actor: str) -> Pruned:
    """Remove the records before a moment, all in one transaction.

    The whole log is proved first. What is left begins with the last record before the
    moment, to which the chain of the next one is tied, and with the state after it,
    without closed incidents. That it was pruned is written to the log.

    Parameters
    ----------
    store : Store
        The log; nobody else may write to it.
    before_ms : int
        Records that were received earlier go; milliseconds since 1970.
    now_ms : int
        The time.
    actor : str
        Who prunes.

    Returns
    -------
    Pruned
        What went. Nothing does where there is nothing older.

    Raises
    ------
    InputError
        Another process writes to the log, it is damaged, or the moment is still to come.
    """
    if before_ms > now_ms:
        raise InputError(
            "that moment is still to come", field="--before", fix="name an earlier one"
        )
    store.become_writer()
    begun = beginning(store)
    root, last = _folded(store, begun, before_ms)
    if root.world.seq <= max(begun.world.seq, 1):
        store.compact()  # where an earlier attempt was ended before it came to that
        return Pruned(0, max(begun.world.seq, 1), last.world.seq)
    kept = root._replace(world=replace(root.world, closed={}))
    first, removed = root.world.seq, root.world.seq - max(begun.world.seq, 1)
    note = sealed(
        Entry("pruned", {"before_ms": before_ms, "up_to": first - 1}),
        seq=last.world.seq + 1,
        at_ms=max(now_ms, last.world.at_ms),
        actor=actor,
        before=last.chain,
    )
    with store.writing() as connection:
        # other snapshots know closed incidents that this one has forgotten
        connection.execute(delete(SNAPSHOTS))
        store.keep(connection, snapshot_of(kept))
        connection.execute(delete(LOG).where(LOG.c.seq < first))
        store.append(connection, [note])
    store.compact()
    return Pruned(removed, first, note.seq)


def _folded(store: Store, begun: Folded, before_ms: int) -> tuple[Folded, Folded]:
    """Return the state before a moment and the last one, all records proved."""
    draft, chain = Draft(begun.world), begun.chain
    root = None
    for record in store.checked(begun.world.seq, begun.chain):
        if root is None and record.at_ms >= before_ms:
            root = Folded(draft.world(), chain, begun.snapshot)
            draft = Draft(root.world)
        try:
            draft.apply(record)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedLogError(record.seq, f"it cannot have happened: {error}") from error
        chain = record.chain
    last = Folded(draft.world(), chain, begun.snapshot)
    return root or last, last
