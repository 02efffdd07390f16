"""Where stations stand: location models, solved and proven.

Importing this package registers the models that come along in
`engine.stationing.base.MODELS`.
"""

from __future__ import annotations

from engine.stationing.base import MODELS, LocationModel, LocationProblem, StationPlan
from engine.stationing.conformance import check_location_model
from engine.stationing.mclp import MaximalCovering
from engine.stationing.pmedian import PMedian

MODELS.register(MaximalCovering.id, MaximalCovering())
MODELS.register(PMedian.id, PMedian())

__all__ = ["MODELS", "LocationModel", "LocationProblem", "StationPlan", "check_location_model"]
