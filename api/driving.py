"""Options that say how a vehicle drives."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from api.options import FILE_IN, at_option, local_hour, profile_option, vehicle_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from scenarios.driving import Driving
    from scenarios.package import Scenario

closures_option = click.option(
    "--closures",
    type=FILE_IN,
    help="GeoJSON: roads that it touches are closed, slow (factor) or limited (maxheight, ...).",
)
turns_option = click.option(
    "--turns", is_flag=True, help="Count the time of turns, and keep to turn restrictions."
)


class DrivingOptions(NamedTuple):
    """How a vehicle drives, as options say."""

    profile: str
    vehicle: str
    at: datetime | None
    closures: Path | None
    turns: bool = False


def driving_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --profile, --vehicle, --at and --closures to a command.

    Parameters
    ----------
    command : callable
        The command.

    Returns
    -------
    callable
        The same with options; their values come by name.
    """
    options = (profile_option, vehicle_option, at_option, closures_option)
    return reduce(lambda made, option: option(made), reversed(options), command)


def prepare(city: Scenario, options: DrivingOptions) -> tuple[Driving, str, dict[str, Any]]:
    """Find out how the vehicle drives, and say it.

    Parameters
    ----------
    city : Scenario
        The city.
    options : DrivingOptions
        What the options say.

    Returns
    -------
    driving : Driving
        Graph and times.
    words : str
        For people.
    document : dict
        For machines.

    Raises
    ------
    InputError
        There is no such vehicle, or the closures cannot be read.
    """
    from scenarios.driving import driving  # noqa: PLC0415

    hour = local_hour(options.at, city.settings.horizon.timezone)
    found = driving(
        city,
        options.profile,
        vehicle=options.vehicle,
        hour=hour,
        turns=options.turns,
        closures=options.closures,
    )
    words = [options.vehicle, options.profile]
    words += [] if hour is None else [f"{hour} to {hour + 1} h"]
    words += ["with turns"] if options.turns else []
    words += [] if options.closures is None else [f"{found.closed:,} arcs held up"]
    document = {
        "profile": options.profile,
        "vehicle": options.vehicle,
        "local_hour": hour,
        "turns": options.turns,
        "arcs_held_up": found.closed,
    }
    return found, ", ".join(words), document
