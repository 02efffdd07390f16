"""How a vehicle of a city drives: what it searches, and how long each arc takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from routing.turns import turn_graph
from scenarios.closures import apply_closures, read_closures

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.search_graph import SearchGraph
    from scenarios.package import Scenario


class Driving(NamedTuple):
    """What travel times are computed from.

    Parameters
    ----------
    graph : RoadNetwork or SearchGraph
        The network, or its turns.
    arc_ms : ndarray of int32, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    closed : int
        How many arcs closures hold up.
    """

    graph: RoadNetwork | SearchGraph
    arc_ms: NDArray[np.int32]
    closed: int


def driving(
    scenario: Scenario,
    profile: str,
    *,
    vehicle: str = "ambulance",
    hour: int | None = None,
    turns: bool = False,
    closures: Path | None = None,
) -> Driving:
    """Find out how a vehicle drives.

    Parameters
    ----------
    scenario : Scenario
        The city.
    profile : str
        ``siren`` or ``normal``.
    vehicle : str
        Class of the vehicle in the city's speed table.
    hour : int, optional
        Local hour, 0 to 23; the mean of all hours if not given.
    turns : bool
        Let turns take the time of the speed table, and keep to turn restrictions unless
        the vehicle is exempt.
    closures : Path, optional
        A GeoJSON file, as `scenarios.closures.read_closures` has it.

    Returns
    -------
    Driving
        Graph and times.

    Raises
    ------
    InputError
        There is no such vehicle or profile, or the closures cannot be read.
    """
    network, speeds = scenario.network, scenario.speeds
    arc_ms = speeds.arc_times_ms(network, profile, vehicle=vehicle, hour=hour)
    closed = 0
    if closures is not None:
        size = speeds.rules.vehicles[vehicle]
        arc_ms, closed = apply_closures(network, arc_ms, read_closures(closures), size)
    if not turns:
        return Driving(network, arc_ms, closed)
    bound = network.ban_all | (not speeds.is_exempt(vehicle, profile))
    graph = turn_graph(
        network,
        speeds.turn_costs,
        ban_from=network.ban_from[bound],
        ban_to=network.ban_to[bound],
    )
    return Driving(graph, arc_ms, closed)
