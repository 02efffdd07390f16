"""A record of the log: what happened, sealed so that no change to it goes unseen."""

from __future__ import annotations

import hashlib
import json
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

GENESIS: Final = bytes(32)
"""What the first record is chained to."""
_CONTENT: Final = json.JSONEncoder(separators=(",", ":"))
_BODY: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=True)


class Entry(NamedTuple):
    """What a command wants to have written.

    Parameters
    ----------
    kind : str
        What happened, such as ``assigned``.
    body : mapping
        What of it; JSON.
    subject : str or None
        What it happened to, such as ``incident:I1``: to find its history.
    first : bool
        Whether nothing may ever have happened to its subject before.
    """

    kind: str
    body: Mapping[str, Any]
    subject: str | None = None
    first: bool = False


class Record:
    """One thing that happened, as it stands on disk.

    Parameters
    ----------
    seq : int
        Its number; the first is 1, and none is left out.
    at_ms : int
        When it was received, in milliseconds since 1970, UTC; never before the last one.
    kind, subject
        As of `Entry`.
    actor : str
        Who caused it.
    text : str
        Its body as JSON.
    key : str or None
        What the caller named the request, so that it happens once.
    request : str or None
        Hash of that request, to tell a repetition from another under the same name.
    crc : int
        Checksum of the above.
    chain : bytes
        SHA-256 of the chain before and of the above.
    """

    __slots__ = (
        "__dict__",
        "actor",
        "at_ms",
        "chain",
        "crc",
        "key",
        "kind",
        "request",
        "seq",
        "subject",
        "text",
    )

    def __init__(
        self,
        seq: int,
        at_ms: int,
        kind: str,
        subject: str | None,
        actor: str,
        text: str,
        key: str | None,
        request: str | None,
        crc: int,
        chain: bytes,
    ) -> None:
        self.seq = seq
        self.at_ms = at_ms
        self.kind = kind
        self.subject = subject
        self.actor = actor
        self.text = text
        self.key = key
        self.request = request
        self.crc = crc
        self.chain = chain

    @cached_property
    def body(self) -> dict[str, Any]:
        """What of it happened."""
        body: dict[str, Any] = json.loads(self.text)
        return body

    def content(self) -> bytes:
        """Return what is sealed.

        Returns
        -------
        bytes
            Everything but the two seals; no two records have the same.
        """
        fields = (self.seq, self.at_ms, self.kind, self.subject, self.actor, self.key)
        return _CONTENT.encode([*fields, self.request, self.text]).encode()

    def damage(self, before: bytes) -> str | None:
        """Tell what is wrong with it.

        Parameters
        ----------
        before : bytes
            The chain up to the record before; `GENESIS` for the first.

        Returns
        -------
        str or None
            In words; None if nothing is.
        """
        try:
            content = self.content()
        except (TypeError, ValueError):  # SQLite keeps any type in any column
            return "its content is not what was written"
        if zlib.crc32(content) != self.crc:
            return "its content is not what was written"
        if _linked(before, content) != self.chain:
            return "it does not follow the record before it"
        return None


def sealed(
    entry: Entry,
    *,
    seq: int,
    at_ms: int,
    actor: str,
    before: bytes,
    key: str | None = None,
    request: str | None = None,
) -> Record:
    """Make a record that follows another.

    Parameters
    ----------
    entry : Entry
        What happened.
    seq, at_ms, actor
        As of `Record`.
    before : bytes
        The chain up to the record before.
    key, request
        As of `Record`.

    Returns
    -------
    Record
        With its seals.
    """
    text = _BODY.encode(entry.body)
    record = Record(seq, at_ms, entry.kind, entry.subject, actor, text, key, request, 0, GENESIS)
    content = record.content()
    record.crc = zlib.crc32(content)
    record.chain = _linked(before, content)
    return record


def _linked(before: bytes, content: bytes) -> bytes:
    return hashlib.sha256(before + content).digest()
