"""Scenarios from other people's formats."""

from scenarios.importers.base import IMPORTERS, Importer
from scenarios.importers.elaspy import ELASPY

__all__ = ["ELASPY", "IMPORTERS", "Importer"]
