"""Send the closest unit: the rule that every other one is measured against."""

from __future__ import annotations

from typing import Final

from engine.dispatch.base import KernelPolicy
from engine.dispatch.kernels import closest, closest_idle

CLOSEST: Final = KernelPolicy("closest-v1", closest)
"""The unit that is on scene first; units on their way home are turned round."""

CLOSEST_IDLE: Final = KernelPolicy("closest-idle-v1", closest_idle)
"""The unit that is on scene first among those that stand at a station or were just freed."""
