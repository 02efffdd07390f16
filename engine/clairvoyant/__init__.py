"""The best that anyone could have done: offline dispatch over a known list of incidents."""

from engine.clairvoyant.bound import Chain, Clairvoyant, clairvoyant
from engine.clairvoyant.kernels import Crew, Jobs, Roads

__all__ = ["Chain", "Clairvoyant", "Crew", "Jobs", "Roads", "clairvoyant"]
