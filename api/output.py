"""What commands print: one JSON document for machines, short tables for people."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def plain(value: Any) -> Any:
    """Turn a result into what JSON can say; no number is null.

    Parameters
    ----------
    value : object
        Nested dicts, sequences, numbers, NumPy scalars and arrays, paths.

    Returns
    -------
    object
        Dicts, lists, strings, finite numbers, booleans and None.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy, which this module need not import
        return plain(value.tolist())
    return str(value)


def json_text(document: Any) -> str:
    """Write a document as JSON.

    Parameters
    ----------
    document : object
        As `plain` takes.

    Returns
    -------
    str
        Indented, with a newline at the end.
    """
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def geojson(document: Any) -> bytes:
    """Write GeoJSON for a file.

    Parameters
    ----------
    document : object
        As `plain` takes.

    Returns
    -------
    bytes
        UTF-8, without blanks: coordinates by the thousand need no line each.
    """
    text = json.dumps(plain(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text}\n".encode()


def report(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a result on stdout.

    Parameters
    ----------
    document : object
        The result for machines.
    lines : iterable of str
        The result for people.
    as_json : bool
        Which of the two.
    """
    if as_json:
        click.echo(json_text(document), nl=False)
    else:
        for line in lines:
            click.echo(line)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out a table: words to the left, figures to the right.

    Parameters
    ----------
    header : sequence of str
        Column heads; one that begins with ``<`` marks a column of words.
    rows : iterable of sequences
        Cells, written by `str`; None is a dash.

    Returns
    -------
    list of str
        Lines.
    """
    words = [head.startswith("<") for head in header]
    cells = [[head.removeprefix("<") for head in header]]
    cells += [["-" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(line, widths, words, strict=True)
        ).rstrip()
        for line in cells
    ]


def figures(rows: Iterable[tuple[str, object]]) -> list[str]:
    """Lay out named figures, one a line.

    Parameters
    ----------
    rows : iterable of (str, object)
        Name and figure.

    Returns
    -------
    list of str
        Lines.
    """
    return table(("<", ""), rows)[1:]


def clock(seconds: float | None) -> str:
    """Write a duration as minutes and seconds.

    Parameters
    ----------
    seconds : float or None
        Seconds; None or not finite where there is none.

    Returns
    -------
    str
        Such as ``7:05 min``.
    """
    if seconds is None or not math.isfinite(seconds):
        return "-"
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 and whole else ""
    return f"{sign}{whole // 60}:{whole % 60:02d} min"


def percent(share: float | None) -> str:
    """Write a share in percent.

    Parameters
    ----------
    share : float or None
        0 to 1; None or not finite where there is none.

    Returns
    -------
    str
        Such as ``93.4 %``.
    """
    return "-" if share is None or not math.isfinite(share) else f"{share:.1%}".replace("%", " %")
