"""The event loop against the same fleets written in plain Python and in SimPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.fleet_cases import everything, utrecht
from benchmarks.fleet_peers import PlainPython, SimPy
from engine.dispatch import CLOSEST
from scenarios.simulation.run import run_replication

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.fleet_cases import Fleet

COUNT = 2_000


@pytest.mark.parametrize("fleet_of", [utrecht, everything])
@pytest.mark.parametrize("peer", [PlainPython, SimPy])
def test_every_response_is_the_same(
    reference_data: Path, fleet_of: Callable[..., Fleet], peer: type[PlainPython | SimPy]
) -> None:
    if peer is SimPy:
        pytest.importorskip("simpy", reason="simpy is not installed")
    fleet = fleet_of(reference_data, COUNT)
    served = run_replication(
        fleet.travel, fleet.rules, fleet.incidents, CLOSEST, fleet.timeline, logged=False
    ).served
    ours = served["on_scene_ms"] - fleet.incidents.call_ms
    assert (ours > 0).mean() > 0.9
    np.testing.assert_allclose(peer(fleet, COUNT).run(), ours, rtol=0, atol=1e-3)
