"""Tokens of workplaces and programs: made at random, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import insert, select, update

from api.live.access import Principal, Role
from api.live.tables import TOKENS
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine, Row

PREFIX: Final = "blt_"
"""So that a token that was published by mistake is recognised as one."""
_DAY_MS: Final = 86_400_000
_SEEN_AGAIN_S: Final = 2.0
"""A revoked token is let in no longer than this."""
_MOST_REMEMBERED: Final = 10_000


class Token(NamedTuple):
    """A token, without its secret.

    Parameters
    ----------
    id : str
        What it is revoked by.
    name : str
        Whose it is.
    role : Role
        What it may do.
    created_ms, expires_ms, revoked_ms : int or None
        Milliseconds since 1970.
    """

    id: str
    name: str
    role: Role
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


class Tokens:
    """The tokens of an event store.

    A token has 256 random bits: nobody can try them all, so that one SHA-256 keeps it as
    safe as a slow hash would keep a password.

    Parameters
    ----------
    engine : Engine
        The database.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = Lock()
        self._seen: dict[str, tuple[float, Token | None]] = {}

    def create(self, name: str, role: Role, days: float | None = None) -> tuple[Token, str]:
        """Make a token.

        Parameters
        ----------
        name : str
            Of the workplace or program; not of a person.
        role : Role
            What it may do.
        days : float, optional
            How long it is valid; else until it is revoked.

        Returns
        -------
        token : Token
            As it is kept.
        secret : str
            To be shown once.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        now = self._now_ms()
        expires = None if days is None else now + round(days * _DAY_MS)
        token = Token(secrets.token_hex(4), name, role, now, expires, None)
        with self._engine.begin() as connection:
            connection.execute(insert(TOKENS).values(**token._asdict(), hash=_hash(secret)))
        return token, secret

    def list(self) -> list[Token]:
        """Return all tokens, those revoked included.

        Returns
        -------
        list of Token
            In the order that they were made in.
        """
        with self._engine.connect() as connection:
            rows = connection.execute(select(TOKENS).order_by(TOKENS.c.created_ms)).all()
        return [_token(row) for row in rows]

    def revoke(self, name: str) -> Token:
        """Let a token be valid no longer.

        Parameters
        ----------
        name : str
            Its id.

        Returns
        -------
        Token
            As it is now.

        Raises
        ------
        InputError
            There is none, or it was revoked before.
        """
        known = {token.id: token for token in self.list()}
        if name not in known or known[name].revoked_ms is not None:
            raise InputError(
                f"there is no token {name!r}" if name not in known else f"{name} is revoked",
                field="ID",
                fix="see 'bluelight token list'",
            )
        now = self._now_ms()
        with self._engine.begin() as connection:
            connection.execute(update(TOKENS).where(TOKENS.c.id == name).values(revoked_ms=now))
        return known[name]._replace(revoked_ms=now)

    def principal(self, secret: str) -> Principal | None:
        """Return whose token this is; see `api.live.access.Authenticator`.

        Parameters
        ----------
        secret : str
            The token.

        Returns
        -------
        Principal or None
            None if it is not valid.
        """
        if not secret.startswith(PREFIX) or len(secret) > 200 or not secret.isascii():
            return None
        digest = _hash(secret)
        token = self._look_up(digest)
        if token is None or token.revoked_ms is not None:
            return None
        if token.expires_ms is not None and token.expires_ms <= self._now_ms():
            return None
        return Principal(token.name, token.role)

    def _look_up(self, digest: str) -> Token | None:
        now = time.monotonic()
        with self._lock:
            seen = self._seen.get(digest)
        if seen is not None and now - seen[0] < _SEEN_AGAIN_S:
            return seen[1]
        with self._engine.connect() as connection:
            row = connection.execute(select(TOKENS).where(TOKENS.c.hash == digest)).first()
        token = None if row is None else _token(row)
        with self._lock:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.clear()
            self._seen[digest] = now, token
        return token

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> Token:
    return Token(row.id, row.name, Role(row.role), row.created_ms, row.expires_ms, row.revoked_ms)
