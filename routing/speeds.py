"""Speed tables: how long a vehicle takes on each arc."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.network import RoadNetwork

PROFILES: Final = ("normal", "siren")
"""How a vehicle may drive: with the traffic, or with lights and siren."""

_MS_PER_M_AT_1_KMH: Final = 3600.0
"""Milliseconds for one metre at 1 km/h."""

Kmh = Annotated[float, Field(gt=0, le=300)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _ClassSpeed(_Strict):
    kmh: Kmh
    siren_factor: Annotated[float, Field(ge=1, le=3)]


class _Limit(_Strict):
    share: Annotated[float, Field(gt=0, le=1.5)]


class _Siren(_Strict):
    cap_kmh: Kmh


class _Rules(_Strict):
    limit: _Limit
    siren: _Siren
    classes: dict[str, _ClassSpeed]
    other: _ClassSpeed


@dataclass(frozen=True, eq=False)
class SpeedTable:
    """Speeds by highway class, speed limit and profile; made by `load`.

    Parameters
    ----------
    text : str
        The table as TOML, word for word, to be kept with what was computed from it.
    rules : object
        The same, parsed and checked.
    """

    text: str
    rules: _Rules

    @classmethod
    def load(cls, path: Path | None = None) -> SpeedTable:
        """Read a speed table.

        Parameters
        ----------
        path : Path, optional
            A TOML file; the packaged table if none is given, whose comments describe
            the format.

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
        source = path or resources.files("routing") / "speeds.toml"
        try:
            text = source.read_text(encoding="utf-8")
            rules = _Rules.model_validate(tomllib.loads(text))
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
        return cls(text=text, rules=rules)

    def arc_times_ms(self, network: RoadNetwork, profile: str) -> NDArray[np.int32]:
        """Compute the driving time of each arc.

        Parameters
        ----------
        network : RoadNetwork
            A network with m arcs.
        profile : str
            One of `PROFILES`.

        Returns
        -------
        ndarray of int32, shape (m,)
            Milliseconds, rounded; at least 1 on an arc that has a length.

        Raises
        ------
        InputError
            The profile is unknown.
        """
        metres = network.segment_m
        ms_per_m = _MS_PER_M_AT_1_KMH / self.way_kmh(network, profile)
        # -1, the way of an arc's last vertex, picks any speed: its length is zero
        segment_ms = metres * ms_per_m[network.vertex_way] if len(ms_per_m) else metres
        arc_ms = np.rint(network.sum_over_arcs(segment_ms))
        return np.where(network.arc_m > 0, np.maximum(arc_ms, 1), arc_ms).astype(np.int32)

    def way_kmh(self, network: RoadNetwork, profile: str) -> NDArray[np.float64]:
        """Compute the speed on each way.

        Parameters
        ----------
        network : RoadNetwork
            A network with w ways.
        profile : str
            One of `PROFILES`.

        Returns
        -------
        ndarray of float64, shape (w,)
            Speed in km/h.

        Raises
        ------
        InputError
            The profile is unknown.
        """
        if profile not in PROFILES:
            raise InputError(
                f"unknown profile {profile!r}", field="profile", fix=did_you_mean(profile, PROFILES)
            )
        rules = [self.rules.classes.get(name, self.rules.other) for name in network.class_names]
        kmh = np.array([rule.kmh for rule in rules], dtype=np.float64)[network.way_class]
        limit = network.way_maxspeed.astype(np.float64)
        normal = np.where(limit > 0, self.rules.limit.share * limit, kmh)
        if profile == "normal":
            return normal
        factor = np.array([rule.siren_factor for rule in rules], dtype=np.float64)
        faster = np.minimum(normal * factor[network.way_class], self.rules.siren.cap_kmh)
        return np.maximum(normal, faster)
