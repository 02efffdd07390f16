"""Result folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def staged_folder(out: Path, marker: str) -> Iterator[Path]:
    """Build a folder aside and move it into place when it is complete.

    An earlier result of the same kind at `out` is replaced; anything else there is
    left alone. After an error or Ctrl-C `out` is as it was.

    Parameters
    ----------
    out : Path
        Where the folder shall stand.
    marker : str
        The file that tells this kind of result, such as ``datapackage.json``.

    Yields
    ------
    Path
        The folder to write into.

    Raises
    ------
    InputError
        Something that is no such result stands at `out`, or it cannot be written.
    """
    check_replaceable(out, marker)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}", field="--out") from error
    try:
        stage.chmod(0o755)
        yield stage
        if out.exists():
            old = stage.with_name(f"{stage.name}.old")
            out.rename(old)
            stage.rename(out)
            shutil.rmtree(old)
        else:
            stage.rename(out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def check_replaceable(out: Path, marker: str) -> None:
    """Refuse an output folder that would overwrite something else.

    Parameters
    ----------
    out : Path
        Where a result shall stand.
    marker : str
        The file that tells this kind of result.

    Raises
    ------
    InputError
        `out` exists and is neither empty nor such a result.
    """
    if not out.exists():
        above = next(parent for parent in out.absolute().parents if parent.exists())
        if not above.is_dir():
            raise InputError(f"{above} is a file, not a folder", field="--out")
        if not os.access(above, os.W_OK):
            raise InputError(f"cannot write into {above}", field="--out", fix="name another folder")
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / marker).is_file()):
        raise InputError(
            f"{out} exists and is no earlier result of this command",
            field="--out",
            fix="name another folder",
        )


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is complete or absent.

    Parameters
    ----------
    path : Path
        The file; replaced where it exists.
    data : bytes
        Its content.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", field="--out") from error
