"""Where JEMSS's calls come from and how long they last: a raster and distributions."""

from __future__ import annotations

import ast
import io
import math
import operator
import re
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tifffile

from routing.errors import InputError
from scenarios.schema import Duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

DAY_S: Final = 86_400.0

_SCALE, _TIEPOINT, _NO_DATA = 33550, 33922, 42113
_OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def distribution(text: str, field: str) -> tuple[str, list[float]]:
    """Read a distribution as Julia writes it.

    Parameters
    ----------
    text : str
        Such as ``Exponential(12/60/24)`` or ``Categorical([0.4, 0.6])``.
    field : str
        Where it stands, for messages.

    Returns
    -------
    name : str
        Its name.
    values : list of float
        Its parameters.

    Raises
    ------
    InputError
        It is not of that form.
    """
    match = re.fullmatch(r"\s*(\w+)\s*\((.*)\)\s*", text, re.DOTALL)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - told below like what cannot be computed
        values = [_number(part) for part in _parts(match.group(2))]
    except (ValueError, SyntaxError, ZeroDivisionError) as error:
        raise InputError(
            f"{text!r} is no distribution", field=field, fix="write it as Exponential(12/60/24)"
        ) from error
    return match.group(1), values


def duration(text: str, field: str) -> Duration:
    """Read a distribution of durations in days.

    Parameters
    ----------
    text : str
        An exponential, lognormal or normal one; a normal one that varies becomes the
        lognormal one of the same mean and deviation, which is never negative.
    field : str
        Where it stands, for messages.

    Returns
    -------
    Duration
        The same in seconds.

    Raises
    ------
    InputError
        It is another one, or negative.
    """
    name, values = distribution(text, field)
    if name == "Exponential" and len(values) == 1 and values[0] >= 0:
        return Duration(distribution="exponential", mean_s=values[0] * DAY_S, cv=1.0)
    if name == "LogNormal" and len(values) == 2:
        mean, cv = math.exp(values[0] + values[1] ** 2 / 2), math.sqrt(math.expm1(values[1] ** 2))
        return Duration(distribution="lognormal", mean_s=mean * DAY_S, cv=cv)
    if name == "Normal" and len(values) == 2 and values[0] >= 0:
        mean, deviation = values
        if deviation == 0 or mean == 0:
            return Duration(distribution="constant", mean_s=mean * DAY_S, cv=0.0)
        return Duration(distribution="lognormal", mean_s=mean * DAY_S, cv=deviation / mean)
    raise InputError(
        f"{text!r} is no duration that can be read",
        field=field,
        fix="use Exponential(mean), LogNormal(mu, sigma) or Normal(mean, deviation), in days",
    )


def _parts(text: str) -> list[ast.expr]:
    tree = ast.parse(f"({text},)", mode="eval").body
    items = tree.elts if isinstance(tree, ast.Tuple) else []
    return [e for item in items for e in (item.elts if isinstance(item, ast.List) else [item])]


def _number(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_number(node.left), _number(node.right))
    raise ValueError(ast.dump(node))


def raster_points(
    source: Path, name: str, points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw places from a raster of demand, evenly along a curve that fills its plane.

    Each place stands for the same part of the demand, and neighbours on the curve are
    neighbours on the map, so that places follow the density everywhere as closely as
    their number allows.

    Parameters
    ----------
    source : Path
        Folder in or below which the raster lies, as a file or in a zip.
    name : str
        Its path as written in the model; its last part counts.
    points : int
        How many places.

    Returns
    -------
    lonlat : ndarray of float64, shape (n, 2)
        Centres of cells, each once.
    weight : ndarray of float64, shape (n,)
        How many of the places each one is.

    Raises
    ------
    InputError
        There is no such raster, it is none, or has no demand.
    """
    short = re.split(r"[/\\]", name)[-1]
    try:
        with tifffile.TiffFile(io.BytesIO(_content(source, short))) as tiff:
            page: Any = tiff.pages[0]
            values = np.asarray(page.asarray(), dtype=np.float64)
            tags = {tag.code: tag.value for tag in page.tags.values()}
        scale, tie = tags[_SCALE], tags[_TIEPOINT]
        no_data = float(str(tags.get(_NO_DATA, "nan")).strip("\0 "))
        if values.ndim != 2:
            raise ValueError("it has several bands")  # noqa: TRY301 - told below with the rest
    except (tifffile.TiffFileError, KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{short} is no raster that can be read ({type(error).__name__}: {error})",
            field=short,
            fix="give a GeoTIFF of one band, not compressed",
        ) from error
    demand = np.where(np.isfinite(values) & (values != no_data) & (values > 0), values, 0.0)
    rows, columns = np.nonzero(demand)
    if len(rows) == 0:
        raise InputError("no cell has demand", field=short)
    order = np.argsort(_interleaved(rows) << 1 | _interleaved(columns), kind="stable")
    rows, columns = rows[order], columns[order]
    upto = np.cumsum(demand[rows, columns])
    at = np.searchsorted(upto, (np.arange(points) + 0.5) / points * upto[-1])
    cell, weight = np.unique(at, return_counts=True)
    lonlat = np.column_stack(
        [
            tie[3] + (columns[cell] + 0.5 - tie[0]) * scale[0],
            tie[4] - (rows[cell] + 0.5 - tie[1]) * scale[1],
        ]
    )
    return lonlat, weight.astype(np.float64)


def _interleaved(values: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Put a zero between the bits of numbers below 2**31."""
    spread = values.astype(np.int64)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        spread = (spread | spread << shift) & mask
    return spread


def _content(source: Path, name: str) -> bytes:
    for path in sorted(source.rglob(name)):
        return path.read_bytes()
    for path in sorted(source.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if re.split(r"[/\\]", member)[-1] == name:
                    return archive.read(member)
    raise InputError(
        f"neither {source} nor a zip below it holds {name}", field="demand", fix="add the raster"
    )
