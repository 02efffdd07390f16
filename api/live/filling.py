"""What a unit left unsaid of its work, filled in and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from api.live.diary import Trip
    from scenarios.operations import IncidentType


class Filling:
    """Fills in by the scenario's means what nobody reported.

    Parameters
    ----------
    counts : Counter
        What is filled in is counted here, by the names of `api.live.unsaid.WORDS`.
    turnout_s : mapping of str to float
        Seconds that the crew of each unit takes to leave.
    """

    def __init__(self, counts: Counter[str], turnout_s: Mapping[str, float]) -> None:
        self._counts = counts
        self._turnout_s = turnout_s

    def whole(self, trip: Trip, kind: IncidentType) -> Trip:
        """Fill in what a unit left unsaid between what it said.

        Parameters
        ----------
        trip : Trip
            As it was reported.
        kind : IncidentType
            Of its incident.

        Returns
        -------
        Trip
            Whole, as far as anything is known.
        """
        departed, left, there = trip.departed_ms, trip.left_ms, trip.at_hospital_ms
        if trip.on_scene_ms is not None and departed is None:
            self._counts["departure_unsaid"] += 1
            turnout = round(self._turnout_s[trip.unit] * 1000)
            departed = min(trip.dispatch_ms + turnout, trip.on_scene_ms)
        if left is None and there is not None:
            self._counts["departure_unsaid"] += 1
            begun = there if trip.on_scene_ms is None else trip.on_scene_ms
            left = min(begun + _mean_ms(kind.on_scene), there)
        if left is not None and there is None and trip.free_ms is not None:
            self._counts["transport_filled"] += 1
            there = max(left, trip.free_ms - _mean_ms(kind.handover))
        return replace(trip, departed_ms=departed, left_ms=left, at_hospital_ms=there)

    def lasted(self, trips: list[Trip], kind: IncidentType) -> tuple[float, float]:
        """Tell how long the work on scene and the handover took.

        Parameters
        ----------
        trips : list of Trip
            Of an incident, each whole.
        kind : IncidentType
            Of the incident.

        Returns
        -------
        on_scene, handover : float
            Milliseconds; -1 for the handover where nobody was taken to a hospital.
        """
        taking = next((trip for trip in trips if trip.left_ms is not None), None)
        there = [trip for trip in trips if trip.on_scene_ms is not None]
        main = taking or min(there, key=lambda trip: trip.on_scene_ms or 0, default=None)
        on_scene, handover = float(_mean_ms(kind.on_scene)), -1.0
        end = None if main is None else main.left_ms or main.free_ms
        if main is not None and main.on_scene_ms is not None and end is not None:
            on_scene = float(end - main.on_scene_ms)
        else:
            self._counts["on_scene_filled"] += 1
        if taking is not None:
            handover = float(_mean_ms(kind.handover))
            if taking.at_hospital_ms is not None and taking.free_ms is not None:
                handover = float(taking.free_ms - taking.at_hospital_ms)
            else:
                self._counts["handover_filled"] += 1
        return on_scene, handover


def _mean_ms(duration: Any) -> int:
    return 0 if duration is None else round(duration.mean_s * 1000)
