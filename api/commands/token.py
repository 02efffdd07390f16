"""Tokens of workplaces and programs."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from api.options import json_option
from api.output import report
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.live.tokens import Tokens

_store_option = click.option(
    "--store",
    envvar="BLUELIGHT_STORE",
    default="bluelight.db",
    show_default=True,
    help="Event store: a path, or postgresql://...",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ROLES = ("viewer", "dispatcher", "planner", "admin", "service")


@click.group()
def token() -> None:
    """Let workplaces and programs into 'bluelight serve'."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), required=True, help="What it may do.")
@click.option("--days", type=click.FloatRange(0, 3650, min_open=True), help="How long it is valid.")
@_store_option
@json_option
def create(
    name: str, role: str, days: float | None, store: str, as_json: bool
) -> None:  # numpydoc ignore=PR01
    """Make a token for NAME, a workplace or program such as desk-1; it is shown once."""
    from api.live.access import Role
    from api.live.views import moment

    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name of a workplace",
            field="NAME",
            fix="use small letters, digits, . _ - (such as desk-1), and no name of a person",
        )
    with _tokens(store) as tokens:
        made, secret = tokens.create(name, Role(role), days)
    until = "it is revoked" if made.expires_ms is None else moment(made.expires_ms)
    document = {"id": made.id, "name": name, "role": role, "token": secret}
    report(
        document,
        [secret, f"{role} {name}, id {made.id}, valid until {until}; it is not shown again"],
        as_json=as_json,
    )


@token.command("list")
@_store_option
@json_option
def list_(store: str, as_json: bool) -> None:  # numpydoc ignore=PR01
    """List tokens; their secrets are not kept."""
    from api.live.views import moment

    with _tokens(store) as tokens:
        found = tokens.list()
    rows = [
        {
            "id": each.id,
            "name": each.name,
            "role": each.role.value,
            "created_at": moment(each.created_ms),
            "expires_at": None if each.expires_ms is None else moment(each.expires_ms),
            "revoked_at": None if each.revoked_ms is None else moment(each.revoked_ms),
        }
        for each in found
    ]
    lines = [
        f"{row['id']}  {row['role']:10}  {row['name']}"
        + (f"  revoked {row['revoked_at']}" if row["revoked_at"] else "")
        + (f"  until {row['expires_at']}" if row["expires_at"] else "")
        for row in rows
    ]
    report({"tokens": rows}, lines or ["no token yet"], as_json=as_json)


@token.command()
@click.argument("id")
@_store_option
@json_option
def revoke(id: str, store: str, as_json: bool) -> None:  # noqa: A002  # numpydoc ignore=PR01
    """Let the token ID be valid no longer; a running service sees it within two seconds."""
    with _tokens(store) as tokens:
        gone = tokens.revoke(id)
    report({"id": gone.id, "name": gone.name}, [f"{gone.name} is revoked"], as_json=as_json)


@contextmanager
def _tokens(store: str) -> Iterator[Tokens]:
    from api.live.engine import open_engine
    from api.live.schema import migrate
    from api.live.tokens import Tokens

    engine = open_engine(store)
    try:
        migrate(engine)
        yield Tokens(engine)
    finally:
        engine.dispose()
