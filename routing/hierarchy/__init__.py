"""Customizable contraction hierarchy: topology once, weights in milliseconds.

Dibbelt, Strasser, Wagner 2016 (doi:10.1145/2886843).
"""

from routing.hierarchy.hierarchy import Hierarchy
from routing.hierarchy.metric import Metric, Pinned, Seeds
from routing.hierarchy.rows import Rows

__all__ = ["Hierarchy", "Metric", "Pinned", "Rows", "Seeds"]
