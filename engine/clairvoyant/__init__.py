"""The best that anyone could have done: offline dispatch over a known list of incidents."""

from engine.clairvoyant.bound import Clairvoyant, Column, Crew, clairvoyant
from engine.clairvoyant.kernels import Jobs, Roads

__all__ = ["Clairvoyant", "Column", "Crew", "Jobs", "Roads", "clairvoyant"]
