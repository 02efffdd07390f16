"""What a speed table may hold, checked when it is read."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

WayKind = Literal["bus", "emergency", "pedestrian", "no_entry", "contraflow"]
"""Kinds of `routing.network.ACCESS` that a vehicle drives on with siren alone."""

Kmh = Annotated[float, Field(gt=0, le=300)]
HourFactor = Annotated[float, Field(gt=0, le=3)]
Hours = Annotated[tuple[HourFactor, ...], Field(min_length=24, max_length=24, strict=False)]

_EVEN: Final = (1.0,) * 24


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class ClassSpeed(_Strict):
    """Speed on a highway class; `rural_kmh` outside built-up areas, else as inside."""

    kmh: Kmh
    siren_factor: Annotated[float, Field(ge=1, le=3)]
    rural_kmh: Kmh | None = None


class Limit(_Strict):
    """How a tagged limit becomes a speed."""

    share: Annotated[float, Field(gt=0, le=1.5)]


class Siren(_Strict):
    """What holds for every vehicle with siren."""

    cap_kmh: Kmh


class HourFactors(_Strict):
    """Factors on speed for each local hour, without and with siren."""

    normal: Hours = _EVEN
    siren: Hours = _EVEN


class Ferry(_Strict):
    """Ferries: `kmh` where the map gives no duration, `wait_s` before boarding."""

    kmh: Kmh
    wait_s: Annotated[float, Field(ge=0, le=86_400)]


class Turns(_Strict):
    """What turns cost, by `routing.turns.TurnCosts`."""

    near_side_s: Annotated[float, Field(ge=0, le=600)]
    far_side_s: Annotated[float, Field(ge=0, le=600)]
    round_s: Annotated[float, Field(ge=0, le=600)]
    left_hand: bool = False


class Passage(_Strict):
    """Price of a kind of way: a factor on the speed with siren, and a cap."""

    factor: Annotated[float, Field(gt=0, le=2)] = 1.0
    cap_kmh: Kmh = 300.0


class VehicleSiren(_Strict):
    """What a vehicle may do with siren; kinds of ways and barriers not named are closed."""

    bus_lane_factor: Annotated[float, Field(ge=1, le=3)] = 1.0
    turn_restrictions: Literal["exempt", "bound"] = "bound"
    ways: dict[WayKind, Passage] = Field(default_factory=dict)
    barriers_s: dict[str, Annotated[float, Field(ge=0, le=3600)]] = Field(default_factory=dict)


class Vehicle(_Strict):
    """A vehicle class; without `siren` it drives as without in either profile."""

    height_m: Annotated[float, Field(gt=0, le=10)]
    weight_t: Annotated[float, Field(gt=0, le=100)]
    width_m: Annotated[float, Field(gt=0, le=5)]
    speed_factor: Annotated[float, Field(gt=0, le=2)] = 1.0
    ferry: bool = True
    siren: VehicleSiren | None = None


class Rules(_Strict):
    """A whole table; `vehicles`, `hours`, `ferry` and `turns` are the packaged ones if left out."""

    limit: Limit
    siren: Siren
    hours: HourFactors
    ferry: Ferry
    turns: Turns
    classes: dict[str, ClassSpeed]
    other: ClassSpeed
    vehicles: Annotated[dict[str, Vehicle], Field(min_length=1)]
