"""What free units reach in time now, zone by zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from api.live.schemas import Coverage, Feature
from api.response_words import arrivals_ms
from routing.network import UNREACHABLE
from scenarios.package import lonlat

if TYPE_CHECKING:
    from api.live.service import Live
    from api.schemas import Profile


def coverage_now(live: Live) -> Coverage:
    """Compute how soon the first free unit would be in each zone.

    By the first standard and for the first priority of the scenario, whatever the unit's
    type; helicopters and neighbours' units are left out.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    Coverage
        A point for each zone.
    """
    city, world, now_ms = live.city, live.world, live.now_ms()
    settings = city.scenario.settings
    standard = settings.standards[0]
    profile: Profile = "siren" if settings.priorities[0].siren else "normal"
    seen = live.places.of(world, now_ms, live.stale_after_ms)
    fleet, places = seen.known
    flies = np.array([flight is not None for flight in fleet.flight], dtype=np.bool_)
    counts = fleet.free & ~fleet.given & ~flies
    zones = city.scenario.zones
    soonest = np.full(len(zones), UNREACHABLE)
    if counts.any() and len(zones):
        soonest = arrivals_ms(city, fleet, places, profile)[counts].min(axis=0)
    weight = city.zone_weight
    within = soonest <= standard.limit_s * 1000
    total = weight.sum()
    return Coverage.model_construct(
        event=world.seq,
        share=float(weight[within].sum() / total) if total > 0 else None,
        limit_seconds=standard.limit_s,
        standard=standard.name,
        features=[
            Feature.model_construct(
                id=f"zone:{name}",
                geometry={"type": "Point", "coordinates": spot},
                properties={
                    "kind": "zone",
                    "covered": bool(inside),
                    "seconds": None if ms >= UNREACHABLE else ms / 1000,
                    "weight": share,
                },
            )
            for name, spot, inside, ms, share in zip(
                zones["id"],
                lonlat(zones).tolist(),
                within.tolist(),
                soonest.tolist(),
                weight.tolist(),
                strict=True,
            )
        ],
    )
