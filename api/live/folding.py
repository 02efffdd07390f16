"""From the log to the world, by way of the newest snapshot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from api.live.draft import Draft
from api.live.records import GENESIS
from api.live.store import DamagedLogError, Snapshot
from api.live.world import FORM, World

if TYPE_CHECKING:
    from api.live.records import Record
    from api.live.store import Store


class Folded(NamedTuple):
    """The world, and what the next record is chained to.

    Parameters
    ----------
    world : World
        After the last record.
    chain : bytes
        The chain up to it.
    snapshot : int
        Number of the record that the fold began after.
    """

    world: World
    chain: bytes
    snapshot: int


def fold(store: Store, *, from_start: bool = False) -> Folded:
    """Apply the records of a log, each proved to be what was written.

    Parameters
    ----------
    store : Store
        The log.
    from_start : bool
        Whether to leave snapshots aside, but for the one that a pruned log begins with.

    Returns
    -------
    Folded
        The world.

    Raises
    ------
    DamagedLogError
        At the first record that is not what was written, or cannot have happened.
    """
    snapshots = store.snapshots()
    ends = store.ends()
    last = 0 if ends is None else ends[1].seq
    lost = max((each.seq for each in snapshots), default=0) - last
    if lost > 0:
        raise DamagedLogError(last + 1, f"it is missing, as are {lost - 1:,} or more after it")
    return follow(store, beginning(store) if from_start else _newest(store))


def beginning(store: Store) -> Folded:
    """Return what a log begins with.

    Parameters
    ----------
    store : Store
        The log.

    Returns
    -------
    Folded
        An empty world; or, where older records were pruned, the state after the first one
        that is left.

    Raises
    ------
    DamagedLogError
        The first records are missing, and nothing says what they came to.
    """
    ends = store.ends()
    if ends is None or ends[0].seq == 1:
        return Folded(World(), GENESIS, 0)
    first = ends[0]
    for snapshot in store.snapshots():
        if (
            snapshot.seq == first.seq
            and snapshot.chain == first.chain
            and _pruned(store, first.seq)
        ):
            if snapshot.version != FORM:
                raise DamagedLogError(first.seq, "the state that it begins with is of another form")
            return Folded(World.from_json(json.loads(snapshot.world)), first.chain, first.seq)
    raise DamagedLogError(1, "it is missing")


def _pruned(store: Store, first: int) -> bool:
    """Tell whether it was 'prune-log' that made a log begin where it does."""
    return any(
        record.kind == "pruned" and record.body.get("up_to") == first - 1
        for record in store.of_kind("pruned")
    )


def follow(store: Store, folded: Folded, new: list[Record] | None = None) -> Folded:
    """Apply what was written since.

    Parameters
    ----------
    store : Store
        The log.
    folded : Folded
        What is known.
    new : list of Record, optional
        What was written since is added here.

    Returns
    -------
    Folded
        The world now; the very same where nothing was written.

    Raises
    ------
    DamagedLogError
        At the first record that is not what was written, or cannot have happened.
    """
    draft, chain = None, folded.chain
    for record in store.checked(folded.world.seq, chain):
        draft = draft or Draft(folded.world)
        try:
            draft.apply(record)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedLogError(record.seq, f"it cannot have happened: {error}") from error
        chain = record.chain
        if new is not None:
            new.append(record)
    return folded if draft is None else Folded(draft.world(), chain, folded.snapshot)


def snapshot_of(folded: Folded) -> Snapshot:
    """Write a world down.

    Parameters
    ----------
    folded : Folded
        The world.

    Returns
    -------
    Snapshot
        To be kept.
    """
    text = json.dumps(folded.world.to_json(), separators=(",", ":"), allow_nan=False)
    return Snapshot(folded.world.seq, folded.chain, FORM, text.encode())


def _newest(store: Store) -> Folded:
    """Return the newest snapshot that stands on the log as it is."""
    for snapshot in store.snapshots():
        if snapshot.version != FORM:
            continue
        (last, *_) = [*store.records(snapshot.seq - 1, snapshot.seq), None]
        if last is not None and last.chain == snapshot.chain:
            world = World.from_json(json.loads(snapshot.world))
            return Folded(world, snapshot.chain, snapshot.seq)
    return beginning(store)
