"""Steps that are left out where nobody sees them between two decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import fleet
from scenarios.simulation.agenda import inner, plan_step
from scenarios.simulation.cursor import UNSEEN
from scenarios.simulation.logbook import AT_HOSPITAL, FREE, LEFT_SCENE
from scenarios.simulation.response import transports

if TYPE_CHECKING:
    import numpy as np

    from scenarios.simulation.arrays import World


@inner
def serve_unseen(world: World, unit: int) -> None:
    """Let a unit come at once to where something hangs on it again: a drive, or its end.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        A unit that has just been sent.
    """
    me = world.units[unit]
    call = world.calls[me.incident]
    world.status[unit] = fleet.ON_SCENE
    me.place = call.zone
    kind = FREE
    if transports(world, me.incident, me.leg):
        kind = LEFT_SCENE
    plan_step(world.steps, unit, me.arrive_ms + call.on_scene_ms, kind)


@inner
def hand_over_unseen(world: World, unit: int, there_ms: float) -> tuple[np.int64, float]:
    """Return what follows when a unit has left for its hospital.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        A unit that has just left for a hospital.
    there_ms : float
        When it is there.

    Returns
    -------
    kind : int
        The step.
    time_ms : float
        When it is taken.
    """
    if world.cursor[UNSEEN] == 0:
        return AT_HOSPITAL, there_ms
    me = world.units[unit]
    leg = world.legs[me.leg]
    leg.at_hospital_ms = there_ms
    me.place = leg.hospital
    return FREE, there_ms + world.calls[me.incident].handover_ms
