"""What an importer is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from routing.errors import InputError
from routing.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scenarios.package import Scenario


@dataclass(frozen=True, eq=False)
class Imported:
    """A scenario made from another format.

    Parameters
    ----------
    scenario : Scenario
        The scenario; `scenarios.packaging.save_scenario` keeps it.
    policy : str
        Id of the dispatch policy that does as the source does.
    notes : tuple of str
        What the source holds and the scenario does not, or holds otherwise.
    report : dict
        More about it in figures, ready for JSON.
    page : str
        More about it for people, an HTML page that needs no network; maybe empty.
    """

    scenario: Scenario
    policy: str
    notes: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)
    page: str = ""


@runtime_checkable
class Importer(Protocol):
    """Something that reads a folder or file of another format."""

    @property
    def id(self) -> str:
        """Versioned name."""
        ...

    @property
    def options(self) -> Mapping[str, str]:
        """The options that it takes, and what each one means."""
        ...

    def read(self, source: Path, options: Mapping[str, str]) -> Imported:
        """Read a source.

        Parameters
        ----------
        source : Path
            Folder or file.
        options : mapping of str to str
            Values of some of `options`.

        Returns
        -------
        Imported
            The scenario.

        Raises
        ------
        InputError
            The source is not of this format, or an option means nothing.
        """
        ...


IMPORTERS: Final[Registry[Importer]] = Registry("format")
"""Every format that can be named."""


def checked_options(importer: Importer, options: Mapping[str, str]) -> dict[str, str]:
    """Refuse options that an importer does not take.

    Parameters
    ----------
    importer : Importer
        The importer.
    options : mapping of str to str
        What was given.

    Returns
    -------
    dict of str to str
        The same.

    Raises
    ------
    InputError
        An option is unknown to the format.
    """
    for name in options:
        if name not in importer.options:
            known = ", ".join(f"--{each}" for each in importer.options) or "none"
            raise InputError(
                f"format {importer.id} takes no such option",
                field=f"--{name}",
                fix=f"leave it out; it takes: {known}",
            )
    return dict(options)
