"""Scenarios from other people's formats."""

from scenarios.importers.base import IMPORTERS, Importer
from scenarios.importers.elaspy import ELASPY
from scenarios.importers.incident_log import INCIDENT_LOG
from scenarios.importers.jemss import JEMSS
from scenarios.importers.london import LONDON

__all__ = ["ELASPY", "IMPORTERS", "INCIDENT_LOG", "JEMSS", "LONDON", "Importer"]
