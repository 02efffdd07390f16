"""How far long work has come: a bar on a terminal, or lines for a program that waits for it."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

VARIABLE: Final = "BLUELIGHT_PROGRESS"
"""Names, in the environment, the file descriptor that a program reads lines from."""

_EVERY_S: Final = 0.25
_NUMBERS: Final = count()


def tracked(
    items: Iterable[T], what: str, unit: str, *, total: int | None = None, shown: bool = True
) -> Iterator[T]:
    """Go through items, and show how many are done.

    Where the environment names a file descriptor (`VARIABLE`), that is told there as
    lines of JSON: ``bar``, which counts what is gone through in this process from 0,
    ``what``, ``unit``, ``done`` and ``of``, null where nobody knows.

    Parameters
    ----------
    items : iterable
        The work.
    what : str
        What is done.
    unit : str
        What is counted.
    total : int, optional
        How many there are, where `items` does not know.
    shown : bool
        Whether to show it at all; a bar, only where there is a terminal.

    Yields
    ------
    object
        The same items.
    """
    if not shown:  # a bar that nobody sees takes longer to make than many a table
        yield from items
        return
    descriptor = _descriptor()
    if descriptor is None:
        yield from tqdm(items, desc=what, unit=unit, total=total, disable=None)
        return
    many = total if total is not None else getattr(items, "__len__", lambda: None)()
    head = {"bar": next(_NUMBERS), "what": what, "unit": unit}
    _tell(descriptor, {**head, "done": 0, "of": many})
    told, done = time.monotonic(), 0
    try:
        for item in items:
            yield item
            done += 1
            if time.monotonic() - told >= _EVERY_S:
                _tell(descriptor, {**head, "done": done, "of": many})
                told = time.monotonic()
    finally:
        _tell(descriptor, {**head, "done": done, "of": many})


@cache
def _descriptor() -> int | None:
    # processes that this one starts have no such descriptor: they must not find its name
    given = os.environ.pop(VARIABLE, "")
    return int(given) if given.isdecimal() else None


def _tell(descriptor: int, said: dict[str, object]) -> None:
    with suppress(OSError):  # nobody listens any more
        os.write(descriptor, (json.dumps(said) + "\n").encode())
