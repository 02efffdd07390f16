"""Writes rules as TOML, for scenarios whose rules were changed in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scenarios.settings import Settings


def settings_toml(settings: Settings) -> str:
    """Write rules as TOML, without comments.

    Parameters
    ----------
    settings : Settings
        The rules.

    Returns
    -------
    str
        TOML that `scenarios.settings.read_settings` reads back to equal rules.
    """
    document = settings.model_dump(mode="json", exclude_none=True)
    return "\n".join(_lines(document, "")).strip() + "\n"


def toml_tables(name: str, tables: list[dict[str, Any]]) -> str:
    """Write an array of tables.

    Parameters
    ----------
    name : str
        Its key.
    tables : list of dict
        JSON values.

    Returns
    -------
    str
        TOML.
    """
    return "\n".join(_lines({name: tables}, "")).strip() + "\n"


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    """Write plain values first: after a table's header they would belong to it."""
    nested = []
    for key, value in table.items():
        if isinstance(value, dict) or (
            isinstance(value, list) and value and isinstance(value[0], dict)
        ):
            nested.append((key, value))
        else:
            yield f"{_key(key)} = {toml_value(value)}"
    for key, value in nested:
        name = f"{path}{_key(key)}"
        rows, header = (value, f"[[{name}]]") if isinstance(value, list) else ([value], f"[{name}]")
        for row in rows:
            yield f"\n{header}"
            yield from _lines(row, f"{name}.")


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else toml_value(key)


def toml_value(value: object) -> str:
    """Write a value on one line.

    Parameters
    ----------
    value : object
        A string, number, boolean, list or dict.

    Returns
    -------
    str
        TOML.
    """
    if isinstance(value, dict):
        pairs = (f"{_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(toml_value(each) for each in value)}]"
    # JSON's plain values are TOML too, but for a DEL in a string.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
