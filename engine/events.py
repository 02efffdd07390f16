"""What can happen to an incident and its unit: one schema for live and simulated time.

The numbers are the order in which events of the same millisecond take effect: what
frees a unit comes before what asks for one.
"""

from __future__ import annotations

from typing import Final

EVENTS: Final = (
    "departed",
    "on_scene",
    "left_scene",
    "at_hospital",
    "free",
    "at_station",
    "call",
    "call_processed",
    "queued",
    "dispatched",
)
"""Names of the events by number."""

DEPARTED: Final = 0
"""The crew has turned out and drives."""
ON_SCENE: Final = 1
"""The unit is where the incident is."""
LEFT_SCENE: Final = 2
"""The unit drives to a hospital with a patient."""
AT_HOSPITAL: Final = 3
"""The unit is at the hospital and hands over."""
FREE: Final = 4
"""The unit can be sent again, where it stands or on its way home."""
AT_STATION: Final = 5
"""The unit is back at its station."""
CALL: Final = 6
"""The call is answered; the response time begins."""
CALL_PROCESSED: Final = 7
"""It is known what is needed; a unit is sought."""
QUEUED: Final = 8
"""No unit was sent at once; the incident waits."""
DISPATCHED: Final = 9
"""A unit is alerted for the incident."""
