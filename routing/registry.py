"""One registry type for everything that can be plugged in by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Generic, TypeVar

from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-v[1-9][0-9]*")


class Registry(Generic[T]):
    """Plug-ins of one kind by versioned id, such as ``closest-v1``.

    Parameters
    ----------
    kind : str
        What is registered, for messages: ``policy``, ``location model``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def register(self, identifier: str, item: T) -> T:
        """Add a plug-in.

        Parameters
        ----------
        identifier : str
            Lower-case words and a version: ``closest-v1``.
        item : T
            The plug-in.

        Returns
        -------
        T
            The same plug-in.

        Raises
        ------
        ValueError
            The id is malformed or taken.
        """
        if not _ID.fullmatch(identifier):
            raise ValueError(f"{self.kind} id {identifier!r} is not of the form 'name-v1'")
        if identifier in self._items:
            raise ValueError(f"{self.kind} id {identifier!r} is taken")
        self._items[identifier] = item
        return item

    def resolve(self, name: str) -> str:
        """Complete a name to a versioned id: ``closest`` is its newest version.

        Parameters
        ----------
        name : str
            A full id, or one without its version.

        Returns
        -------
        str
            The versioned id.

        Raises
        ------
        InputError
            Nothing of that name is registered.
        """
        if name in self._items:
            return name
        versions = [i for i in self._items if i.rpartition("-v")[0] == name]
        if versions:
            return max(versions, key=lambda i: int(i.rpartition("-v")[2]))
        raise InputError(
            f"unknown {self.kind} {name!r}",
            field=self.kind.rpartition(" ")[2],
            fix=did_you_mean(name, self._items),
        )

    def __getitem__(self, name: str) -> T:
        """Return the plug-in of a name, versioned or not."""
        return self._items[self.resolve(name)]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the versioned ids in order of registration."""
        return iter(self._items)
