"""Customizable contraction hierarchy: topology once, weights in milliseconds.

Dibbelt, Strasser, Wagner 2016 (doi:10.1145/2886843).
"""

from routing.hierarchy.hierarchy import Hierarchy
from routing.hierarchy.metric import Metric, Path
from routing.hierarchy.pinned import Pinned
from routing.hierarchy.rows import Rows
from routing.hierarchy.seeds import Seeds

__all__ = ["Hierarchy", "Metric", "Path", "Pinned", "Rows", "Seeds"]
