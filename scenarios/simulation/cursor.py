"""What stands where in `World.cursor`: positions, flags and what is being decided."""

from __future__ import annotations

from typing import Final

HEAPED: Final = 0
"""Incidents in the heap."""
WAITING: Final = 1
"""Incidents in the queue."""
LOGGED: Final = 2
"""Events in the log."""
NEXT_CALL: Final = 3
"""The incident that is called in next."""
SCAN: Final = 4
"""Next position in the queue to ask about."""
SCAN_END: Final = 5
"""Where asking ends."""
FREED: Final = 6
"""The unit that drives home unless the queue takes it, or -1."""
ASKED: Final = 7
"""The incident that a decision is needed for."""
CHOICE: Final = 8
"""Its answer: a unit, -1 to wait, or UNANSWERED."""
FRESH: Final = 9
"""1 where the incident asked about has just been processed."""
IDLE: Final = 10
"""Units on duty that are free."""
SLOT: Final = 11
"""The unit of its response that is asked about, or -1."""
NEXT_TIMED: Final = 12
"""The row of the timeline that takes effect next."""
AGAIN: Final = 13
"""1 where the queue must be read once more from its head."""
DIVERTING: Final = 14
"""1 where units may be diverted."""
PROFILES_NOW: Final = 15
"""First index of the period's tables by speed profile."""
PERIOD_NOW: Final = 16
"""The period whose drives hold."""
NIGHT_NOW: Final = 17
"""1 where crews take their night's time to turn out."""
CHANGED: Final = 18
"""1 where units were sent, freed, or came or went since the last MOVE."""
MOVING: Final = 19
"""1 where somebody wants to be told of it."""
JUST_FREED: Final = 20
"""The unit that was freed last since then, or -1."""
CHOOSING: Final = 21
"""1 where another hospital than the nearest may be chosen."""
UNSEEN: Final = 22
"""1 where nobody sees what units do between two decisions."""
SEARCH: Final = 23
"""How the unit to send is found: ASK, CLOSEST_GOES or CLOSEST_STANDING_GOES."""
ON_ROAD: Final = 24
"""Units on their way home."""
LENGTH: Final = 25
"""How many there are."""

UNANSWERED: Final = -2

ASK: Final = 0
"""The policy is asked, and told of every unit."""
CLOSEST_GOES: Final = 1
"""The closest unit is sent, without asking."""
CLOSEST_STANDING_GOES: Final = 2
"""The same, but for those on their way home."""
