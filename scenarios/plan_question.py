"""What a planner asks of a city."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from engine.stationing import MODELS
from engine.survival import CURVES
from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.stationing import LocationModel
    from scenarios.day_slices import Slice

EXISTING: Final = ("free", "keep")
"""Whether today's stations may close."""

EVERYWHERE: Final = "*"
"""Name that stands for every district."""


@dataclass(frozen=True)
class PlanQuestion:
    """A question of a planner.

    Parameters
    ----------
    model : str
        Id of a location model, with its version or without.
    stations : int, optional
        How many, kept ones included; None where the model, the units or a budget decide.
    units : mapping of str to tuple of int, optional
        For each type the units to place, one number for all slices or one for each.
        None: units follow the stations, and a station serves as if one were always free.
    capacity : mapping of str to int
        Most units of a type at each station; no limit where it is not named.
    existing : str
        ``free``: today's stations may close; ``keep``: they stay.
    keep, forbid : tuple of str
        Ids of sites that must, or must not, be open.
    candidates : str
        As in `scenarios.candidates.candidate_sites`.
    standard : str or mapping of str to str, optional
        Name of the response standard, or one for each type of unit; the scenario's first
        if none is given.
    longer_limit_s : float, optional
        Second limit of the double standard model, from the same start as the standard.
    slices : tuple of (int, int)
        Hours from and to, such as (7, 19) and (19, 7): each has demand, speeds and units
        of its own, all have the same buildings. None at all: the whole day.
    busy : float, optional
        Share of time that a unit is busy, where the model knows that; by default what
        the demand of the city makes of the units, of all alike.
    floors : mapping of str to float
        Least share covered by district; `EVERYWHERE` for all that have no own.
    budget : float, optional
        Most that new stations, closures and units may cost together.
    station_cost, closing_cost : float
        Cost of a new station, of closing one of today's. A column ``cost`` of a file of
        candidates comes before the first.
    unit_cost : mapping of str to float
        Cost of a unit by type.
    parameters : mapping
        Parameters of the model itself: ``share``, ``backup``, ``curve``.
    time_limit_s : float
        About how long to search and prove; then the best plan comes with its bound.
    seed : int
        Seed of the search.
    """

    model: str = "mclp"
    stations: int | None = None
    units: Mapping[str, tuple[int, ...]] | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)
    existing: str = "free"
    keep: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    candidates: str = "zones"
    standard: str | Mapping[str, str] | None = None
    longer_limit_s: float | None = None
    slices: tuple[Slice, ...] = ()
    busy: float | None = None
    floors: Mapping[str, float] = field(default_factory=dict)
    budget: float | None = None
    station_cost: float = 0.0
    closing_cost: float = 0.0
    unit_cost: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    time_limit_s: float = 60.0
    seed: int = 0

    def location_model(self) -> LocationModel:
        """Return the model with its parameters.

        Returns
        -------
        LocationModel
            The model.

        Raises
        ------
        InputError
            There is no such model, or it has no such parameter.
        """
        model = MODELS[self.model]
        # a model of one's own need not be a dataclass; it has no parameters then
        given: Any = model
        known = {each.name for each in fields(given)} if is_dataclass(model) else set[str]()
        for name in self.parameters:
            if name not in known:
                has = f"it has {', '.join(sorted(known))}" if known else "it has none"
                raise InputError(
                    f"{model.id} has no parameter {name!r}", field=f"--{name}", fix=has
                )
        curve = self.parameters.get("curve")
        if model.id.startswith("survival-") and curve is not None and curve not in CURVES:
            raise InputError(
                f"there is no curve {curve!r}", field="--curve", fix=did_you_mean(curve, CURVES)
            )
        changed: LocationModel = replace(given, **self.parameters) if self.parameters else model
        return changed
