"""Closed and slow roads, drawn by people as GeoJSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from routing.errors import InputError, did_you_mean
from routing.measures import arcs_within, fits, slowed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from routing.network import RoadNetwork
    from routing.speed_rules import Vehicle

_Positive = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class _Properties(BaseModel):
    model_config = ConfigDict(extra="allow")

    factor: Annotated[float, Field(ge=0.01, le=1000)] | None = None
    maxheight: _Positive | None = None
    maxweight: _Positive | None = None
    maxwidth: _Positive | None = None


class _Feature(BaseModel):
    type: Literal["Feature"]
    geometry: dict[str, object]
    properties: _Properties | None = None


class _Collection(BaseModel):
    type: Literal["FeatureCollection"]
    features: list[_Feature]


@dataclass(frozen=True, eq=False)
class Closure:
    """An area whose roads are closed, slow, or closed for what is too large.

    Parameters
    ----------
    area : shapely geometry
        Roads that touch it are meant; lon/lat in degrees.
    factor : float
        By how much travel times grow; infinite if the roads are closed.
    height_m, weight_t, width_m : float
        Larger vehicles may not pass; infinite for no limit.
    """

    area: BaseGeometry
    factor: float
    height_m: float
    weight_t: float
    width_m: float


def read_closures(path: Path) -> list[Closure]:
    """Read a GeoJSON file of closures.

    A feature closes the roads that it touches. With the property ``factor`` their times
    are multiplied instead; with ``maxheight``, ``maxwidth`` (metres) or ``maxweight``
    (tonnes) they are closed for larger vehicles alone.

    Parameters
    ----------
    path : Path
        A FeatureCollection (RFC 7946).

    Returns
    -------
    list of Closure
        The closures.

    Raises
    ------
    InputError
        It is no such file; the message names the feature, counted from 1.
    """
    try:
        collection = _Collection.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: {where}: {first['msg']}",
            field="closures",
            fix="give a GeoJSON FeatureCollection of polygons or lines",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read ({error})",
            field="closures",
            fix="give a GeoJSON FeatureCollection of polygons or lines",
        ) from error
    return [
        _closure(f"{path}: feature {number}", feature)
        for number, feature in enumerate(collection.features, start=1)
    ]


def apply_closures(
    network: RoadNetwork, arc_ms: NDArray[np.int32], closures: list[Closure], vehicle: Vehicle
) -> tuple[NDArray[np.int32], int]:
    """Change travel times as closures say.

    Parameters
    ----------
    network : RoadNetwork
        A network with m arcs.
    arc_ms : ndarray of int32, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    closures : list of Closure
        The closures.
    vehicle : Vehicle
        Whose size the limits are compared with.

    Returns
    -------
    arc_ms : ndarray of int32, shape (m,)
        The new times.
    count : int
        How many arcs take this vehicle another time, or are closed to it now.

    Raises
    ------
    InputError
        A closure touches no road.
    """
    factor = np.ones(network.n_arcs)
    for number, closure in enumerate(closures, start=1):
        arcs = arcs_within(network, closure.area)
        if not len(arcs):
            raise InputError(
                f"feature {number} touches no road",
                field="closures",
                fix="draw a polygon, or a line across the road, in degrees, lon before lat",
            )
        passes = fits(
            vehicle,
            height_m=closure.height_m,
            width_m=closure.width_m,
            weight_t=closure.weight_t,
        )
        factor[arcs] *= closure.factor if passes else np.inf
    ms = slowed(arc_ms, factor).astype(np.int32)
    return ms, int((ms != arc_ms).sum())


def _closure(where: str, feature: _Feature) -> Closure:
    try:
        area = shapely.from_geojson(json.dumps(feature.geometry))
    except (shapely.errors.GEOSException, TypeError) as error:
        raise InputError(
            f"{where}: its geometry is none ({error})",
            field="closures",
            fix="give a polygon or a line, lon before lat",
        ) from error
    if area.is_empty or not area.is_valid:
        raise InputError(
            f"{where}: {shapely.is_valid_reason(area) if not area.is_empty else 'it is empty'}",
            field="closures",
            fix="give a valid polygon or a line, lon before lat",
        )
    for name in (feature.properties.model_extra or {}) if feature.properties else {}:
        if name.lower().replace("_", "") in _Properties.model_fields:
            raise InputError(
                f"{where}: unknown property {name!r}",
                field="closures",
                fix=did_you_mean(name, _Properties.model_fields),
            )
    limits = feature.properties or _Properties()
    sizes = (limits.maxheight, limits.maxweight, limits.maxwidth)
    usual = 1.0 if any(sizes) else float("inf")
    height_m, weight_t, width_m = (size or float("inf") for size in sizes)
    return Closure(area, limits.factor or usual, height_m, weight_t, width_m)
