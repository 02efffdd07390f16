"""Which unit goes to an incident."""

from engine.dispatch.base import (
    POLICIES,
    DispatchState,
    KernelPolicy,
    Policy,
    bound,
    check_policy,
    checked_choice,
    read_only,
)
from engine.dispatch.batch import BatchDispatch
from engine.dispatch.closest import CLOSEST, CLOSEST_IDLE
from engine.dispatch.coverage import DMEXCLPDispatch, PreparednessDispatch, SurvivalDispatch

__all__ = [
    "CLOSEST",
    "CLOSEST_IDLE",
    "POLICIES",
    "BatchDispatch",
    "DMEXCLPDispatch",
    "DispatchState",
    "KernelPolicy",
    "Policy",
    "PreparednessDispatch",
    "SurvivalDispatch",
    "bound",
    "check_policy",
    "checked_choice",
    "read_only",
]
