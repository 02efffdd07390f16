"""What a location model is asked: sites, demand, units, money and fairness."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Layer:
    """Demand that one kind of unit serves in one slice of time.

    Parameters
    ----------
    travel_s : ndarray of float, shape (m, n)
        Seconds from each site to each demand point; ``inf`` where no road leads.
    weight : ndarray of float64, shape (n,)
        How much each demand point counts; zero or more.
    limit_s : float, optional
        Longest travel time in seconds that counts as covered; needed by covering models.
    name : str
        What to call it in messages: ``ambulance``, ``ambulance by night``.
    units : int, optional
        Units to place, several at a station where there is room. None: every open
        station serves, like one unit that is always free.
    capacity : ndarray of int64, shape (m,), optional
        Most units at each site; as many as there are by default.
    unit_cost : float
        Cost of a unit.
    busy : float
        Share of time that a unit is busy, below one; used by the models that know that.
    delay_s : float
        Seconds from the call to the start of the drive; used by survival.
    second_limit_s : float, optional
        The longer limit of the double standard model.

    Raises
    ------
    InputError
        A shape or a value does not fit; the message names it.
    """

    travel_s: NDArray[np.floating[Any]]
    weight: NDArray[np.float64]
    limit_s: float | None = None
    name: str = ""
    units: int | None = None
    capacity: NDArray[np.int64] | None = None
    unit_cost: float = 0.0
    busy: float = 0.0
    delay_s: float = 0.0
    second_limit_s: float | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        if self.travel_s.ndim != 2 or 0 in self.travel_s.shape:
            raise InputError(
                f"travel times of shape {self.travel_s.shape} leave nothing to choose",
                field="travel_s",
                fix="give at least one candidate site and one demand point",
            )
        sites, demand = self.travel_s.shape
        _check_shape("weight", self.weight, demand)
        _check_values("travel_s", self.travel_s, finite=False)
        _check_values("weight", self.weight, finite=True)
        if self.limit_s is not None and not self.limit_s >= 0:
            raise InputError(f"{self.limit_s} is no travel time", field="limit_s")
        if self.second_limit_s is not None and not self.second_limit_s >= (self.limit_s or 0.0):
            raise InputError(
                f"{self.second_limit_s} is shorter than the first limit of {self.limit_s}",
                field="second_limit_s",
                fix="give the longer of the two standards",
            )
        if not 0 <= self.busy < 1:
            raise InputError(
                f"{self.busy} is no share of time that leaves a unit free",
                field="busy",
                fix="give 0 or more and less than 1",
            )
        if not 0 <= self.delay_s < np.inf:
            raise InputError(f"{self.delay_s} is no delay", field="delay_s", fix="give 0 or more")
        if not 0 <= self.unit_cost < np.inf:
            raise InputError(
                f"{self.unit_cost} is no cost", field="unit_cost", fix="give 0 or more"
            )
        if self.capacity is not None:
            _check_shape("capacity", self.capacity, sites)
            if (self.capacity < 0).any():
                raise InputError("room for fewer than no units", field="capacity")

    def limit(self) -> float:
        """Return the limit, for a model that needs one.

        Returns
        -------
        float
            Seconds.

        Raises
        ------
        InputError
            There is none.
        """
        if self.limit_s is None:
            raise InputError(
                "a covering model needs a travel time that counts as covered",
                field="limit_s",
                fix="give a limit in seconds",
            )
        return self.limit_s

    def covers(self, sites: slice | list[int] = slice(None)) -> NDArray[np.bool_]:
        """Tell which sites cover which demand points.

        Parameters
        ----------
        sites : slice or list of int
            Rows that are wanted; all by default.

        Returns
        -------
        ndarray of bool, shape (m, n)
            Whether the travel time is within the limit.
        """
        inside: NDArray[np.bool_] = self.travel_s[sites] <= self.limit()
        return inside


@dataclass(frozen=True, eq=False)
class Floor:
    """A share of the demand of a district that must be covered.

    Parameters
    ----------
    name : str
        The district, for messages.
    demand : ndarray of bool, shape (n,)
        Which demand points are in it.
    share : float
        Share of its weight that a station with a unit must cover, in every layer.
    """

    name: str
    demand: NDArray[np.bool_]
    share: float

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 <= self.share <= 1:
            raise InputError(f"{self.share} is no share", field="floor", fix="give 0 to 1")


@dataclass(frozen=True, eq=False)
class LocationProblem:
    """Choose among m sites for n demand points; the buildings are those of all layers.

    Parameters
    ----------
    layers : sequence of Layer
        Kinds of units and slices of time; each has the same sites and demand points.
    k : int, optional
        How many sites are open, the kept ones included. None: as many as pay, one at
        least, where a budget or a number of units holds them in check.
    fixed_open : ndarray of bool, shape (m,), optional
        Sites that stay open in every plan; none by default.
    forbidden : ndarray of bool, shape (m,), optional
        Sites that no plan may open; none by default.
    station_cost : ndarray of float64, shape (m,), optional
        Cost of each open site; nothing by default.
    closing_cost : ndarray of float64, shape (m,), optional
        Cost of each site that is not open, such as of giving up an existing one.
    budget : float, optional
        Most that stations, closures and units may cost together.
    floors : sequence of Floor
        Least coverage by district.
    time_limit_s : float
        About how long to search and prove. There is no clock in here: the part of the
        work that is our own is counted and so repeats exactly, OR-Tools keeps the time
        of the rest.
    seed : int
        Seed of the local search.
    demand_names : sequence of str, optional
        What to call demand points in messages; their numbers by default.

    Raises
    ------
    InputError
        A shape, a value or a number does not fit; the message names it.
    """

    layers: Sequence[Layer]
    k: int | None = None
    fixed_open: NDArray[np.bool_] | None = None
    forbidden: NDArray[np.bool_] | None = None
    station_cost: NDArray[np.float64] | None = None
    closing_cost: NDArray[np.float64] | None = None
    budget: float | None = None
    floors: Sequence[Floor] = field(default_factory=tuple)
    time_limit_s: float = 60.0
    seed: int = 0
    demand_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        if not self.layers:
            raise InputError("no layer to plan for", field="layers", fix="give at least one")
        sites, demand = self.layers[0].travel_s.shape
        for layer in self.layers:
            if layer.travel_s.shape != (sites, demand):
                raise InputError(
                    f"travel times of shape {layer.travel_s.shape} beside ({sites}, {demand})",
                    field="layers",
                    fix="give every layer the same sites and demand points",
                )
        self._check_arrays(sites, demand)
        if self.demand_names is not None and len(self.demand_names) != demand:
            raise InputError(
                f"{len(self.demand_names)} names of {demand} demand points", field="demand_names"
            )
        both = np.flatnonzero(self.kept & ~self.allowed)
        if len(both):
            raise InputError(f"site {both[0]} is both kept and forbidden", field="forbidden")
        self._check_numbers()

    def _check_arrays(self, sites: int, demand: int) -> None:
        for name in ("fixed_open", "forbidden"):
            mask = getattr(self, name)
            if mask is not None:
                _check_shape(name, mask, sites)
        for name in ("station_cost", "closing_cost"):
            cost = getattr(self, name)
            if cost is not None:
                _check_shape(name, cost, sites)
                _check_values(name, cost, finite=True)
        for floor in self.floors:
            _check_shape(f"floor of {floor.name}", floor.demand, demand)

    def _check_numbers(self) -> None:
        kept, allowed = int(self.kept.sum()), int(self.allowed.sum())
        if self.k is not None:
            if not 1 <= self.k <= allowed:
                raise InputError(
                    f"{self.k} stations of {allowed} candidate sites",
                    field="stations",
                    fix=f"choose 1 to {allowed}, or give more candidates"
                    if allowed
                    else "give candidates",
                )
            if self.k < kept:
                raise InputError(
                    f"{self.k} stations, but {kept} existing ones are kept",
                    field="stations",
                    fix=f"choose at least {kept}, or leave the existing stations free to move",
                )
        elif not allowed:
            raise InputError("no candidate site", field="candidates", fix="give at least one")
        self._check_units()
        if self.budget is not None and not 0 <= self.budget < np.inf:
            raise InputError(f"{self.budget} is no budget", field="budget", fix="give 0 or more")
        if not 0 < self.time_limit_s < np.inf:
            raise InputError(
                f"{self.time_limit_s} is no time limit",
                field="time_limit_s",
                fix="give a number of seconds above zero",
            )
        if self.seed < 0:
            raise InputError(f"{self.seed} is negative", field="seed", fix="give zero or more")

    def _check_units(self) -> None:
        for layer in self.layers:
            if layer.units is None:
                continue
            most = self.most(layer)
            if not 1 <= layer.units <= most:
                raise InputError(
                    f"{layer.units} units{_of(layer)}, where there is room for {most}",
                    field="units",
                    fix=f"choose 1 to {most}, or give more stations or room",
                )

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return len(self.layers[0].travel_s)

    @property
    def demand(self) -> int:
        """How many demand points there are."""
        return int(self.layers[0].travel_s.shape[1])

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Mask of the sites that stay open, shape (m,)."""
        if self.fixed_open is None:
            return np.zeros(self.sites, dtype=np.bool_)
        return self.fixed_open

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Mask of the sites that may be open, shape (m,)."""
        if self.forbidden is None:
            return np.ones(self.sites, dtype=np.bool_)
        return ~self.forbidden

    @property
    def plain(self) -> bool:
        """Whether there is one layer, a number to choose, and nothing else to heed."""
        return (
            len(self.layers) == 1
            and self.budget is None
            and not self.floors
            and (self.k is None) != (self.layers[0].units is None)
        )

    def room(self, layer: Layer) -> NDArray[np.int64]:
        """Tell how many units of a layer each site may hold.

        Parameters
        ----------
        layer : Layer
            One of the layers.

        Returns
        -------
        ndarray of int64, shape (m,)
            At most the units there are; one where every open station serves.
        """
        most = np.full(self.sites, 1 if layer.units is None else layer.units, dtype=np.int64)
        if layer.capacity is not None and layer.units is not None:
            most = np.minimum(most, layer.capacity)
        room: NDArray[np.int64] = np.where(self.allowed, most, 0)
        return room

    def most(self, layer: Layer) -> int:
        """Tell how many units of a layer there is room for in k stations.

        Parameters
        ----------
        layer : Layer
            One of the layers.

        Returns
        -------
        int
            The sum of the roomiest sites.
        """
        return int(np.sort(self.room(layer))[::-1][: self.k].sum())

    def cost(self, sites: Sequence[int]) -> float:
        """Add up what stations, closures and units cost.

        Parameters
        ----------
        sites : sequence of int
            The open sites.

        Returns
        -------
        float
            Cost; that of units is the same for every plan.
        """
        opened = np.zeros(self.sites, dtype=np.bool_)
        opened[list(sites)] = True
        total = sum((layer.units or 0) * layer.unit_cost for layer in self.layers)
        if self.station_cost is not None:
            total += float(self.station_cost @ opened)
        if self.closing_cost is not None:
            total += float(self.closing_cost @ ~opened)
        return float(total)

    def with_cost(self, station_cost: NDArray[np.float64]) -> LocationProblem:
        """Return the same problem with other prices of stations.

        Parameters
        ----------
        station_cost : ndarray of float64, shape (m,)
            Cost of each open site.

        Returns
        -------
        LocationProblem
            The problem.
        """
        return replace(self, station_cost=station_cost)

    def name_of(self, demand: int) -> str:
        """Return what to call a demand point in a message.

        Parameters
        ----------
        demand : int
            Its number.

        Returns
        -------
        str
            Its name.
        """
        if self.demand_names is None:
            return f"demand point {demand}"
        return self.demand_names[demand]


def simple_problem(
    travel_s: NDArray[np.floating[Any]],
    weight: NDArray[np.float64],
    k: int,
    fixed_open: NDArray[np.bool_] | None = None,
    *,
    limit_s: float | None = None,
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> LocationProblem:
    """Ask for k stations that all serve.

    Parameters
    ----------
    travel_s : ndarray of float, shape (m, n)
        Seconds from each site to each demand point.
    weight : ndarray of float64, shape (n,)
        How much each demand point counts.
    k : int
        How many sites are open.
    fixed_open : ndarray of bool, shape (m,), optional
        Sites that stay open.
    limit_s : float, optional
        Longest travel time that counts as covered.
    time_limit_s : float
        About how long to search and prove.
    seed : int
        Seed of the local search.

    Returns
    -------
    LocationProblem
        The problem.
    """
    return LocationProblem(
        (Layer(travel_s, weight, limit_s),), k, fixed_open, time_limit_s=time_limit_s, seed=seed
    )


def _of(layer: Layer) -> str:
    return f" of {layer.name}" if layer.name else ""


def _check_shape(field: str, values: NDArray[np.generic], length: int) -> None:
    if values.shape != (length,):
        raise InputError(f"shape {values.shape}, not ({length},)", field=field)


def _check_values(field: str, values: NDArray[np.floating[Any]], *, finite: bool) -> None:
    # the minimum is nan where any value is, and needs no memory of its own
    if values.size and values.min() >= 0 and not (finite and np.isinf(values.max())):
        return
    wrong = ~(values >= 0) | (np.isinf(values) & finite)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"{values[place]} at {place if len(place) > 1 else place[0]}",
            field=field,
            fix="give finite numbers, zero or more" if finite else "give zero or more",
        )
