"""What a run cannot say of a live day, in words."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "no_unit": "closed without a unit: left out",
    "turned_back": "closed before a unit arrived: left out",
    "open": "nobody had arrived by the end of the log: they count as not reached",
    "arrival_unsaid": "served by units that never said that they had arrived: not reached",
    "several_units": "several units served: the first counts, the last completes",
    "recalled": "units turned back or were taken off before they arrived",
    "departure_unsaid": "departures never said: turnout as the type's, time on scene as the mean",
    "on_scene_filled": "times on scene as the scenario's mean",
    "transport_filled": "ends of transports as the scenario's mean handover says",
    "handover_filled": "handovers as the scenario's mean",
    "hospital_assumed": "hospitals taken to be the nearest to the incident",
    "type_assumed": "of no type: the most frequent of the priority is taken",
    "priority_of_type": "with another priority than its type's, which counts",
    "priority_changed": "whose priority changed: the last one counts",
    "needs_unsaid": "that needed something of their own, which a replay does not ask for",
    "units_changed": "units whose type, station or capabilities changed, or are their own",
    "units_busy": "units busy with what began before: off duty until free",
    "units_off": "units out of service, or busy with something else, throughout: left out",
    "units_unknown": "units of a type or station that the scenario does not have: left out",
    "duty_unsaid": "units whose hours off duty no week of shifts can say: always on duty",
    "hospitals_full": "times that a hospital was full but for emergencies: open in a replay",
    "closures": "closures or slow roads, which a replay does not know",
    "earlier_calls": "called before the window: left out",
}
"""What a run cannot say of a day, by the name of its count."""
