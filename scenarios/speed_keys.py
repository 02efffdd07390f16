"""The numbers of a speed table that trips can tell, and how they are written back."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import tomlkit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from tomlkit.items import Item

    from routing.network import RoadNetwork
    from routing.speeds import SpeedTable

_STEP: Final = 1e-4
_DIGITS: Final = 4
_MARK: Final = "fitted:"
_KMH: Final = (1e-6, 300.0)
_FITTED: Final = {
    "share": ("normal", 0.05, 1.5),
    "kmh": ("normal", *_KMH),
    "rural_kmh": ("normal", *_KMH),
    "siren_factor": ("siren", 1.0, 3.0),
}


class SpeedKey(NamedTuple):
    """A number of a speed table.

    Parameters
    ----------
    path : tuple of str
        Where it stands, such as ``("classes", "residential", "kmh")``.
    profile : str
        The trips that tell it.
    value : float
        What it is.
    low, high : float
        The range that a table may hold.
    """

    path: tuple[str, ...]
    profile: str
    value: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """The path as TOML writes it."""
        return ".".join(self.path)


def speed_keys(speeds: SpeedTable, profile: str) -> list[SpeedKey]:
    """List the numbers that trips of a profile can tell.

    Normal trips tell the share of a tagged limit and the speed of each class, siren
    trips the siren factor of each class. The cap on siren speeds is a rule, not a
    measurement, and stays.

    Parameters
    ----------
    speeds : SpeedTable
        The table.
    profile : str
        One of `routing.speeds.PROFILES`.

    Returns
    -------
    list of SpeedKey
        In the order of the table.
    """
    document = tomllib.loads(speeds.text)
    names = [("limit",), *(("classes", name) for name in document["classes"]), ("other",)]
    found = []
    for path in names:
        for key, value in _at(document, path).items():
            wanted, low, high = _FITTED.get(key, ("", 0.0, 0.0))
            if wanted == profile:
                found.append(SpeedKey((*path, key), profile, float(value), low, high))
    return found


def elasticities(
    network: RoadNetwork, speeds: SpeedTable, keys: Sequence[SpeedKey]
) -> NDArray[np.float64]:
    """Find which numbers the speed on each way hangs on, by asking the table.

    So this module need not know the rules by which a table makes speeds.

    Parameters
    ----------
    network : RoadNetwork
        A network with w ways.
    speeds : SpeedTable
        The table.
    keys : sequence of SpeedKey
        Numbers of it, p of them, of one profile.

    Returns
    -------
    ndarray of float64, shape (p, w)
        Per cent by which the speed grows if the number grows by one per cent: 1 where
        the speed is proportional to it, 0 where another rule holds.
    """
    result = np.zeros((len(keys), len(network.way_osm)))
    for row, key in enumerate(keys):
        here = speeds.way_kmh(network, key.profile)
        step = -_STEP if key.value * (1 + _STEP) > key.high else _STEP
        changed = _changed(speeds, {key: key.value * (1 + step)})
        there = changed.way_kmh(network, key.profile)
        # no speed is none whatever the number
        ratio = np.divide(there, here, out=np.ones_like(here), where=here > 0)
        result[row] = np.log(ratio) / np.log1p(step)
    return result.round(3)


def with_values(
    speeds: SpeedTable,
    values: Mapping[SpeedKey, float],
    words: Mapping[SpeedKey, str] | None = None,
) -> SpeedTable:
    """Change numbers of a table and leave all else word for word.

    Parameters
    ----------
    speeds : SpeedTable
        The table.
    values : mapping of SpeedKey to float
        New values; written with four digits, within the range of the key.
    words : mapping of SpeedKey to str, optional
        A comment for each line that changes. One that somebody else wrote stays.

    Returns
    -------
    SpeedTable
        The new table.
    """
    inside = {
        key: min(max(float(f"{value:.{_DIGITS}g}"), key.low), key.high)
        for key, value in values.items()
    }
    document = tomlkit.parse(speeds.text)
    comments: dict[tuple[str, ...], list[str]] = {}
    for key, value in inside.items():
        parent = _at(document, key.path[:-1])
        old = parent[key.path[-1]]
        parent[key.path[-1]] = value
        if not (words and key in words):
            continue
        inline = isinstance(parent, tomlkit.items.InlineTable)
        line = key.path[:-1] if inline else key.path
        if not inline:
            _keep_comment(parent[key.path[-1]], old)
        comments.setdefault(line, []).append(
            f"{key.path[-1]} {words[key]}" if inline else words[key]
        )
    for path, said in comments.items():
        _comment(_at(document, path[:-1])[path[-1]], f"{_MARK} {'; '.join(said)}")
    return replace(_changed(speeds, inside), text=tomlkit.dumps(document))


def _at(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document[part]
    return document


def _keep_comment(item: Item, old: Item) -> None:
    if old.trivia.comment:
        item.trivia.comment = old.trivia.comment
        item.trivia.comment_ws = old.trivia.comment_ws


def _comment(item: Item, words: str) -> None:
    there = item.trivia.comment.removeprefix("#").strip()
    if not there or there.startswith(_MARK):
        item.comment(words)
        item.trivia.comment_ws = "  "


def _changed(speeds: SpeedTable, values: Mapping[SpeedKey, float]) -> SpeedTable:
    """Change numbers, but not the text: `elasticities` asks many tables."""
    rules = speeds.rules.model_dump()
    for key, value in values.items():
        _at(rules, key.path[:-1])[key.path[-1]] = value
    return replace(speeds, rules=type(speeds.rules).model_validate(rules))
