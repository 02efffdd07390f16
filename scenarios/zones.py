"""Demand zones: square cells of the city that hold addresses or people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from pyproj import Transformer

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.citydata import CityData, Feature

ZONE_COLUMNS: Final = ("id", "lon", "lat", "weight", "district")

_ADDRESSES_AGAINST_BUILDINGS: Final = 0.25


def demand_points(city: CityData) -> tuple[NDArray[np.float64], str]:
    """Choose what stands for where people are: addresses, else buildings.

    Parameters
    ----------
    city : CityData
        What the map holds.

    Returns
    -------
    points : ndarray of float64, shape (points, 2)
        Lon, lat.
    what : str
        ``addresses`` or ``buildings``. Where a map has few addresses (less than a
        quarter of its buildings), buildings tell more.
    """
    if len(city.addresses) >= _ADDRESSES_AGAINST_BUILDINGS * len(city.buildings):
        return city.addresses, "addresses"
    return city.buildings, "buildings"


def demand_zones(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    places: Sequence[Feature],
    *,
    cell_m: float = 500.0,
    elsewhere: str = "",
) -> pd.DataFrame:
    """Gather weighted points into square cells.

    Cells lie on the metre grid of the UTM zone of the median point, so that the same
    address falls into the same cell however the map was cut. A zone stands at that of
    its points which is nearest to their weighted mean, hence on something real.

    Parameters
    ----------
    points : ndarray of float64, shape (points, 2)
        Lon, lat.
    weights : ndarray of float64, shape (points,)
        Inhabitants, or 1 for each address.
    places : sequence of Feature
        Named places; a zone's district is the nearest of them. Cities count only where
        there is nothing else, for they contain the others.
    cell_m : float
        Side of a cell in metres; 0 makes every point a zone.
    elsewhere : str
        District of all zones where there is no place.

    Returns
    -------
    DataFrame
        Columns ``id, lon, lat, weight, district``, by row of cells from south to north,
        in a row from west to east. Cells without weight are left out.

    Raises
    ------
    InputError
        `cell_m` is out of range.
    """
    if not (cell_m == 0 or 10 <= cell_m <= 100_000):
        raise InputError(
            f"a cell of {cell_m:g} m is no use",
            field="--cell",
            fix="give 10 to 100000 metres, or 0",
        )
    points, weights = points[weights > 0], weights[weights > 0]
    if len(points) == 0:
        return pd.DataFrame({column: [] for column in ZONE_COLUMNS}).astype(
            {"id": str, "lon": float, "lat": float, "weight": float, "district": str}
        )
    to_metres = utm(points)
    metres = np.column_stack(to_metres.transform(points[:, 0], points[:, 1]))
    # addresses of one house lie within the millimetres that rounding leaves
    cells = np.floor(metres / (cell_m or 0.1)).astype(np.int64)
    # Rows of cells first: np.unique sorts by its leading column.
    _, zone = np.unique(cells[:, ::-1], axis=0, return_inverse=True)
    total = np.bincount(zone, weights)
    mean = np.column_stack(
        [np.bincount(zone, weights * metres[:, k]) / total for k in range(2)],
    )
    # A millimetre is below what the map resolves; rounding lets ties be ties.
    away = np.round(np.hypot(*(metres - mean[zone]).T), 3)
    order = np.lexsort((points[:, 1], points[:, 0], away, zone))
    chosen = order[np.unique(zone[order], return_index=True)[1]]
    return pd.DataFrame(
        {
            "id": [f"z{i + 1}" for i in range(len(total))],
            "lon": points[chosen, 0],
            "lat": points[chosen, 1],
            "weight": total,
            "district": _districts(metres[chosen], places, to_metres, elsewhere),
        }
    )


def read_population(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read where how many people live.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``lon, lat, population``.

    Returns
    -------
    points : ndarray of float64, shape (rows, 2)
        Lon, lat.
    population : ndarray of float64, shape (rows,)
        Inhabitants.

    Raises
    ------
    InputError
        The file is missing or no CSV, lacks a column or holds a value out of range.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", field="--population", fix="check the path"
        ) from error
    except ValueError as error:
        # Undecodable text, an empty file and ragged rows are all ValueErrors to pandas.
        raise InputError(f"{path} is no CSV table ({error})", field="--population") from error
    missing = [name for name in ("lon", "lat", "population") if name not in table.columns]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}",
            field="--population",
            fix=f"it needs lon,lat,population; it has {','.join(map(str, table.columns))}",
        )
    ranges = {"lon": (-180.0, 180.0), "lat": (-90.0, 90.0), "population": (0.0, 1e10)}
    columns = [
        checked_column(table, name, path.name, low, high) for name, (low, high) in ranges.items()
    ]
    if columns[2].sum() <= 0:
        raise InputError(f"{path} holds no inhabitants", field="--population")
    return np.column_stack(columns[:2]), columns[2]


def checked_column(
    table: pd.DataFrame, column: str, file: str, low: float, high: float
) -> NDArray[np.float64]:
    """Turn a column of text into numbers within a range.

    Parameters
    ----------
    table : DataFrame
        A table of strings.
    column : str
        Its column.
    file : str
        Name of the file, for the message.
    low, high : float
        The range, ends included.

    Returns
    -------
    ndarray of float64, shape (rows,)
        The numbers.

    Raises
    ------
    InputError
        A value is no number or out of range; names its row, the first one being 1.
    """
    numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~((numbers >= low) & (numbers <= high)))
    if len(wrong):
        value = table[column].iloc[wrong[0]]
        raise InputError(
            f"{value!r} is no number from {low:g} to {high:g}",
            field=f"{file}, row {wrong[0] + 1}, {column}",
            fix="correct the row",
        )
    return numbers


def utm(points: NDArray[np.float64]) -> Transformer:
    """Return the way from degrees to metres where most of some points lie.

    Parameters
    ----------
    points : ndarray of float64, shape (points, 2)
        Lon, lat.

    Returns
    -------
    Transformer
        From WGS84, longitude first, to the UTM zone of their median.
    """
    lon, lat = np.median(points, axis=0)
    number = min(int((lon + 180) // 6) + 1, 60)
    return Transformer.from_crs(4326, (32600 if lat >= 0 else 32700) + number, always_xy=True)


def _districts(
    metres: NDArray[np.float64],
    places: Sequence[Feature],
    to_metres: Transformer,
    elsewhere: str,
) -> list[str]:
    known = _district_places(places)
    if not known:
        return [elsewhere] * len(metres)
    x, y = to_metres.transform([p.lon for p in known], [p.lat for p in known])
    away = np.hypot(np.subtract.outer(metres[:, 0], x), np.subtract.outer(metres[:, 1], y))
    return [known[i].name for i in np.argmin(away, axis=1)]


def _district_places(places: Sequence[Feature]) -> list[Feature]:
    smaller = [place for place in places if place.kind != "city"]
    known = smaller or list(places)
    # Where a mapper set a node for a name, it says better where the place is than the
    # middle of the box around its boundary, which may lie on a mountain.
    nodes = {place.name for place in known if place.osm.startswith("n")}
    return [place for place in known if place.osm.startswith("n") or place.name not in nodes]
