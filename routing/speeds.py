"""Speed tables: how long a vehicle takes on each arc."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from routing.errors import InputError, did_you_mean
from routing.network import ACCESS, FERRY, PUBLIC, UNREACHABLE
from routing.speed_rules import Rules
from routing.turns import TurnCosts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.build import Ways
    from routing.network import RoadNetwork
    from routing.speed_rules import Vehicle, VehicleSiren

PROFILES: Final = ("normal", "siren")
"""How a vehicle may drive: with the traffic, or with lights and siren."""

CAR: Final = "car"
"""The vehicle whose roads are the car network."""

BARRIER_CLASS: Final = "barrier:"
"""How the class of a barrier begins; its kind follows."""

_MS_PER_M_AT_1_KMH: Final = 3600.0
"""Milliseconds for one metre at 1 km/h."""

_OPTIONAL: Final = ("hours", "ferry", "turns", "vehicles")
_EMERGENCY: Final = ACCESS.index("emergency")


@dataclass(frozen=True, eq=False)
class SpeedTable:
    """Speeds by road, vehicle, profile and hour; made by `load`.

    Parameters
    ----------
    text : str
        The table as TOML, word for word, to be kept with what was computed from it.
    rules : Rules
        The same, parsed and checked.
    """

    text: str
    rules: Rules

    @property
    def vehicles(self) -> tuple[str, ...]:
        """Vehicle classes by name, sorted."""
        return tuple(sorted(self.rules.vehicles))

    @property
    def turn_costs(self) -> TurnCosts:
        """What turns cost where they are asked for."""
        turns = self.rules.turns
        return TurnCosts(turns.near_side_s, turns.far_side_s, turns.round_s, turns.left_hand)

    @classmethod
    def load(cls, path: Path | None = None) -> SpeedTable:
        """Read a speed table.

        Parameters
        ----------
        path : Path, optional
            A TOML file; the packaged table if none is given, whose comments describe
            the format. Of ``hours``, ``ferry``, ``turns`` and ``vehicles``, what a file leaves out
            is as in the packaged table.

        Returns
        -------
        SpeedTable
            The table.

        Raises
        ------
        InputError
            The file cannot be read, is not TOML, lacks a key, has one too many, or
            has a value out of range.
        """
        packaged = resources.files("routing") / "speeds.toml"
        source = path or packaged
        try:
            text = source.read_text(encoding="utf-8")
            content: dict[str, Any] = tomllib.loads(text)
            if not content.keys() >= set(_OPTIONAL):
                default = tomllib.loads(packaged.read_text(encoding="utf-8"))
                content = {key: default[key] for key in _OPTIONAL} | content
            rules = Rules.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{first['msg']} (in {source}: {first['input']!r})",
                field=f"speeds {key}",
                fix="see the comments in routing/speeds.toml",
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot read the speed table {source} ({error})",
                field="speeds",
                fix="give a TOML file such as routing/speeds.toml",
            ) from error
        missing = {"car", "ambulance"} - rules.vehicles.keys()
        if missing:
            raise InputError(
                f"there is no vehicle {min(missing)!r} (in {source})",
                field="speeds vehicles",
                fix="keep [vehicles.car] and [vehicles.ambulance], which others rely on",
            )
        return cls(text=text, rules=rules)

    def arc_times_ms(
        self,
        network: RoadNetwork,
        profile: str,
        *,
        vehicle: str = "ambulance",
        hour: int | None = None,
    ) -> NDArray[np.int32]:
        """Compute the driving time of each arc.

        Parameters
        ----------
        network : RoadNetwork
            A network with m arcs.
        profile : str
            One of `PROFILES`.
        vehicle : str
            One of `vehicles`.
        hour : int, optional
            Local hour of the day, 0 to 23; the mean of all hours if left out.

        Returns
        -------
        ndarray of int32, shape (m,)
            Milliseconds, rounded; at least 1 on an arc that has a length,
            `routing.network.UNREACHABLE` on one that the vehicle may not use.

        Raises
        ------
        InputError
            The profile, vehicle or hour is unknown.
        """
        kmh = self.way_kmh(network, profile, vehicle=vehicle, hour=hour)
        closed = kmh == 0
        ms_per_m = np.divide(_MS_PER_M_AT_1_KMH, kmh, out=np.zeros_like(kmh), where=~closed)
        inner = np.flatnonzero(network.vertex_way >= 0)
        way = network.vertex_way[inner]
        segment_ms = np.zeros(len(network.vertex_way))
        segment_ms[inner] = network.segment_m[inner] * ms_per_m[way]
        siren = self._siren(vehicle, profile)
        if siren is not None:
            segment_ms[inner] += np.nan_to_num(_barrier_s(network, siren) * 1000)[way]
        arc_ms = network.sum_over_arcs(segment_ms)
        ferry = np.zeros(len(network.vertex_way))
        ferry[inner] = network.way_access[way] == FERRY
        arc_ms += np.where(network.sum_over_arcs(ferry) > 0, self.rules.ferry.wait_s * 1000, 0)
        barred = np.zeros(len(network.vertex_way))
        barred[inner] = closed[way]
        whole = np.where(network.arc_m > 0, np.maximum(np.rint(arc_ms), 1), np.rint(arc_ms))
        whole = np.minimum(whole, UNREACHABLE - 1)
        whole[network.sum_over_arcs(barred) > 0] = UNREACHABLE
        return whole.astype(np.int32)

    def way_kmh(
        self,
        network: RoadNetwork | Ways,
        profile: str,
        *,
        vehicle: str = "ambulance",
        hour: int | None = None,
    ) -> NDArray[np.float64]:
        """Compute the speed on each way.

        Without siren it is the share of the limit, else the speed of the class inside or
        outside built-up areas, times the factors of the vehicle and the hour. With siren
        it is that speed times the factor of the class, up to the cap, times those of the
        hour and of a bus lane; beside the traffic on a bus lane the hour slows nobody.
        Never is it slower than without siren. Ways that are closed to cars have the speed
        with siren times their factor, up to their cap.

        Parameters
        ----------
        network : RoadNetwork or Ways
            A network or map with w ways.
        profile : str
            One of `PROFILES`.
        vehicle : str
            One of `vehicles`.
        hour : int, optional
            Local hour of the day, 0 to 23; the mean of all hours if left out.

        Returns
        -------
        ndarray of float64, shape (w,)
            Speed in km/h, 0 where the vehicle may not drive.

        Raises
        ------
        InputError
            The profile, vehicle or hour is unknown.
        """
        kind = self._vehicle(vehicle)
        siren = self._siren(vehicle, profile)
        usual, urgent = self._hour_factors(hour)
        rules = [self.rules.classes.get(name, self.rules.other) for name in network.class_names]
        inside = np.array([rule.kmh for rule in rules])[network.way_class]
        outside = np.array([rule.rural_kmh or rule.kmh for rule in rules])[network.way_class]
        limit = network.way_maxspeed.astype(np.float64)
        mean = np.where(network.way_built_up, inside, outside)
        mean = np.where(limit > 0, self.rules.limit.share * limit, mean) * kind.speed_factor
        kmh = mean * usual
        if siren is not None:
            factor = np.array([rule.siren_factor for rule in rules])[network.way_class]
            lane = network.way_bus_lane
            cap = self.rules.siren.cap_kmh
            fast = np.maximum(mean, np.minimum(mean * factor, cap))
            fast *= np.where(lane, max(urgent, 1.0) * siren.bus_lane_factor, urgent)
            kmh = np.maximum(kmh, np.minimum(fast, np.maximum(cap, mean)))
        kmh = self._passed(network, kmh, kind, siren)
        # a limit of 3.3 m, which float32 does not hold exactly, lets 3.3 m pass
        exceeds = (
            (network.way_max_height < np.float32(kind.height_m))
            | (network.way_max_weight < np.float32(kind.weight_t))
            | (network.way_max_width < np.float32(kind.width_m))
        )
        return np.where(exceeds, 0.0, kmh)

    def is_exempt(self, vehicle: str, profile: str) -> bool:
        """Tell whether turn restrictions do not bind a vehicle.

        Parameters
        ----------
        vehicle : str
            One of `vehicles`.
        profile : str
            One of `PROFILES`.

        Returns
        -------
        bool
            True if it may turn where others may not; not where
            `routing.network.RoadNetwork.ban_all` says that the ban binds all.

        Raises
        ------
        InputError
            The profile or vehicle is unknown.
        """
        siren = self._siren(vehicle, profile)
        return siren is not None and siren.turn_restrictions == "exempt"

    def _vehicle(self, vehicle: str) -> Vehicle:
        if vehicle not in self.rules.vehicles:
            raise InputError(
                f"unknown vehicle {vehicle!r}",
                field="vehicle",
                fix=did_you_mean(vehicle, self.rules.vehicles),
            )
        return self.rules.vehicles[vehicle]

    def _siren(self, vehicle: str, profile: str) -> VehicleSiren | None:
        """Return what the vehicle may do in this profile beyond what everybody may."""
        if profile not in PROFILES:
            raise InputError(
                f"unknown profile {profile!r}", field="profile", fix=did_you_mean(profile, PROFILES)
            )
        kind = self._vehicle(vehicle)
        return kind.siren if profile == "siren" else None

    def _hour_factors(self, hour: int | None) -> tuple[float, float]:
        if hour is None:
            return 1.0, 1.0
        if not 0 <= hour <= 23:
            raise InputError(f"{hour} is no hour of the day", field="hour", fix="give 0 to 23")
        return self.rules.hours.normal[hour], self.rules.hours.siren[hour]

    def _passed(
        self,
        network: RoadNetwork | Ways,
        kmh: NDArray[np.float64],
        kind: Vehicle,
        siren: VehicleSiren | None,
    ) -> NDArray[np.float64]:
        """Apply what ways cost that are not public."""
        access = network.way_access
        factor, cap = np.zeros(len(ACCESS)), np.full(len(ACCESS), np.inf)
        factor[PUBLIC] = 1.0
        if siren is not None:
            for name, price in siren.ways.items():
                row = ACCESS.index(name)
                factor[row], cap[row] = price.factor, price.cap_kmh
        result: NDArray[np.float64] = np.minimum(kmh * factor[access], cap[access])
        if kind.ferry:
            limit = network.way_maxspeed.astype(np.float64)
            result = np.where(
                access == FERRY, np.where(limit > 0, limit, self.rules.ferry.kmh), result
            )
        if siren is not None:
            # a barrier has no length: any speed tells that it can be passed
            passed = np.where(np.isnan(_barrier_s(network, siren)), 0.0, 1.0)
            result = np.where(_bars(network), passed, result)
        return result


def _bars(network: RoadNetwork | Ways) -> NDArray[np.bool_]:
    """Tell the ways that are barriers which cars cannot pass."""
    barrier = [name.startswith(BARRIER_CLASS) for name in network.class_names]
    bars: NDArray[np.bool_] = np.array(barrier, dtype=np.bool_)[network.way_class]
    return bars


def _barrier_s(network: RoadNetwork | Ways, siren: VehicleSiren) -> NDArray[np.float64]:
    """Seconds that a barrier costs, 0 on a road, NaN if it cannot be passed."""
    kinds = [name.removeprefix(BARRIER_CLASS) for name in network.class_names]
    price = np.array([siren.barriers_s.get(kind, np.nan) for kind in kinds])
    seconds: NDArray[np.float64] = np.array(price[network.way_class], dtype=np.float64)
    seconds[~_bars(network)] = 0.0
    by_sign = np.isnan(seconds) & (network.way_access == _EMERGENCY)
    seconds[by_sign] = float(siren.barriers_s.get("emergency", np.nan))
    return seconds
