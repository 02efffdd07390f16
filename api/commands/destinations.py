"""What a command may write where: nothing foreign is replaced, and no input is lost."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PICTURES: Final = (".png", ".svg")
"""Endings of pictures."""

_MARKED_WITHIN: Final = 4096  # bytes of a picture, in which its title stands


class FileOut(NamedTuple):
    """A file that a command shall write.

    Parameters
    ----------
    option : str
        What names it, such as ``--out``.
    path : Path or None
        The file; None where it is not asked for.
    is_ours : callable
        Tells whether a file that exists is an earlier one of the command; it may fail
        as reading a foreign file does.
    """

    option: str
    path: Path | None
    is_ours: Callable[[Path], bool]


def check_destinations(
    scenario: str, files: Sequence[FileOut], folder: tuple[str, Path | None]
) -> None:
    """Refuse outputs before work begins on them.

    Parameters
    ----------
    scenario : str
        The scenario that is read.
    files : sequence of FileOut
        Files to write.
    folder : tuple of str and (Path or None)
        Option and folder of a scenario to write.

    Raises
    ------
    InputError
        Two outputs have one name, or one lies inside the other; what stands there is no
        earlier output of this command; it cannot be written; or the folder is the
        scenario that is read, lies in it or holds it.
    """
    option, place = folder
    taken: dict[Path, str] = {}
    if place is not None:
        with as_told_by(option):
            _check_folder(place, scenario)
        taken[place.resolve()] = option
    for file in files:
        if file.path is None:
            continue
        path = file.path.resolve()
        if path in taken:
            raise InputError(
                f"{file.path} is the output of {taken[path]} too",
                field=file.option,
                fix="name another file",
            )
        if place is not None and place.resolve() in path.parents:
            raise InputError(
                f"{file.path} lies in the scenario that {option} writes",
                field=file.option,
                fix="name a file outside that folder",
            )
        taken[path] = file.option
        with as_told_by(file.option):
            _check_file(file.path, file.is_ours)


@contextmanager
def as_told_by(option: str) -> Iterator[None]:
    """Name the option at fault where one inside cannot know it.

    Parameters
    ----------
    option : str
        The option.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    InputError
        What was raised inside, with the option as its field.
    """
    try:
        yield
    except InputError as error:
        raise InputError(error.message, field=option, fix=error.fix) from error


def check_picture(path: Path | None) -> None:
    """Refuse a picture of a kind that is not drawn.

    Parameters
    ----------
    path : Path or None
        What ``--picture`` names.

    Raises
    ------
    InputError
        Its ending is none of `PICTURES`.
    """
    if path is not None and path.suffix not in PICTURES:
        raise InputError(
            f"{path} has no ending {', '.join(PICTURES)}", field="--picture", fix="name such a file"
        )


def json_with(*keys: str) -> Callable[[Path], bool]:
    """Recognise JSON documents, or lists of them, by what they say.

    Parameters
    ----------
    *keys : str
        What the document, or the first of a list, has.

    Returns
    -------
    callable
        Tells whether a file is such a document.
    """

    def _is_such(path: Path) -> bool:
        found = json.loads(path.read_text(encoding="utf-8"))
        document = found[0] if isinstance(found, list) else found
        return isinstance(document, dict) and all(key in document for key in keys)

    return _is_such


def table_with(columns: Sequence[str]) -> Callable[[Path], bool]:
    """Recognise CSV tables by their first columns.

    Parameters
    ----------
    columns : sequence of str
        Their names.

    Returns
    -------
    callable
        Tells whether a file is such a table.
    """

    def _is_such(path: Path) -> bool:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith(",".join(columns))

    return _is_such


def has_title(path: Path, title: str) -> bool:
    """Tell whether a picture calls itself something.

    Parameters
    ----------
    path : Path
        The picture.
    title : str
        The title.

    Returns
    -------
    bool
        Whether the title stands near the beginning of the file.
    """
    with path.open("rb") as file:
        return title.encode() in file.read(_MARKED_WITHIN)


def _check_folder(folder: Path, scenario: str) -> None:
    from scenarios.packaging import check_untouched  # it takes seconds to load

    read, written = Path(scenario).resolve(), folder.resolve()
    if read == written:
        raise InputError(f"{folder} is the scenario that is read", fix="name another folder")
    if read in written.parents:
        raise InputError(f"{folder} lies in the scenario that is read", fix="name another folder")
    check_untouched(folder)


def _check_file(path: Path, is_ours: Callable[[Path], bool]) -> None:
    if not path.exists():
        above = next(parent for parent in path.absolute().parents if parent.exists())
        if not (above.is_dir() and os.access(above, os.W_OK)):
            raise InputError(f"cannot write into {above}", fix="name another file")
        return
    try:
        ours = is_ours(path)
    except (OSError, ValueError, LookupError):
        ours = False
    if not ours:
        raise InputError(
            f"{path} exists and is no earlier output of this command",
            fix="name another file",
        )
