"""Where stations stand and what each holds: location models, solved and proven.

Importing this package registers the models that come along in
`engine.stationing.base.MODELS`.
"""

from __future__ import annotations

from engine.stationing.backup import BackupCovering
from engine.stationing.base import MODELS, LocationModel, StationPlan
from engine.stationing.conformance import check_location_model
from engine.stationing.dsm import DoubleStandard
from engine.stationing.expected_survival import ExpectedSurvival
from engine.stationing.lscp import SetCovering
from engine.stationing.mclp import MaximalCovering
from engine.stationing.mexclp import ExpectedCovering
from engine.stationing.pcenter import PCenter
from engine.stationing.pmedian import PMedian
from engine.stationing.problem import Floor, Layer, LocationProblem, simple_problem
from engine.stationing.uncertain_covering import UncertainCovering

for _model in (
    MaximalCovering(),
    ExpectedCovering(),
    BackupCovering(),
    DoubleStandard(),
    UncertainCovering(),
    ExpectedSurvival(),
    SetCovering(),
    PMedian(),
    PCenter(),
):
    MODELS.register(_model.id, _model)

__all__ = [
    "MODELS",
    "Floor",
    "Layer",
    "LocationModel",
    "LocationProblem",
    "StationPlan",
    "check_location_model",
    "simple_problem",
]
