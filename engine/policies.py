"""Every policy of ours by name: the one list.

It stands above `engine.dispatch` and `engine.relocation`, since a policy may do both.
"""

from __future__ import annotations

from engine.dispatch import (
    CLOSEST,
    CLOSEST_IDLE,
    POLICIES,
    BatchDispatch,
    DMEXCLPDispatch,
    PreparednessDispatch,
    SurvivalDispatch,
)
from engine.foresight import Foresight, ForesightDispatch
from engine.relocation import RELOCATIONS

__all__ = ["POLICIES", "RELOCATIONS"]

POLICIES.register(CLOSEST.id, CLOSEST)
POLICIES.register(CLOSEST_IDLE.id, CLOSEST_IDLE)
POLICIES.register("batch-v1", BatchDispatch())
POLICIES.register("dmexclp-v1", DMEXCLPDispatch())
POLICIES.register("preparedness-v1", PreparednessDispatch())
POLICIES.register("fair-preparedness-v1", PreparednessDispatch(floor=0.1))
POLICIES.register("survival-v1", SurvivalDispatch())
POLICIES.register("foresight-dispatch-v1", ForesightDispatch())
POLICIES.register("foresight-v1", Foresight())
