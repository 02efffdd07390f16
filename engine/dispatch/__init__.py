"""Which unit goes to an incident."""

from engine.dispatch.base import (
    POLICIES,
    DispatchState,
    KernelPolicy,
    Policy,
    check_policy,
    checked_choice,
    read_only,
)
from engine.dispatch.closest import CLOSEST, CLOSEST_IDLE

__all__ = [
    "CLOSEST",
    "CLOSEST_IDLE",
    "POLICIES",
    "DispatchState",
    "KernelPolicy",
    "Policy",
    "check_policy",
    "checked_choice",
    "read_only",
]
