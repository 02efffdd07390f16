"""What can happen to an incident and its units: one schema for live and simulated time.

The numbers are the order in which events of the same moment take effect: what frees a
unit comes before what asks for one.
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
    "off_duty",
    "on_duty",
    "call",
    "call_processed",
    "diverted",
    "dispatched",
    "queued",
    "moved",
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
OFF_DUTY: Final = 6
"""The unit stands at its station without a crew, or out of order."""
ON_DUTY: Final = 7
"""The unit at its station can be sent again."""
CALL: Final = 8
"""The call is answered; the response time begins."""
CALL_PROCESSED: Final = 9
"""It is known what is needed; units are sought."""
DIVERTED: Final = 10
"""The unit leaves its incident, not yet reached, for a more urgent one."""
DISPATCHED: Final = 11
"""A unit is alerted for the incident."""
QUEUED: Final = 12
"""Not all that the incident needs could be sent at once; it waits."""

MOVED: Final = 13
"""A free unit leaves for another station, or for its own, or is turned to one on its way."""
