"""Contestants that misbehave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import SciPy

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Wrong(SciPy):
    """One millisecond off, once."""

    name = "wrong"

    def matrix(self, sources: NDArray[np.int32], targets: NDArray[np.int32]) -> NDArray[np.float64]:
        answer = np.array(super().matrix(sources, targets))
        answer[-1, -1] += 1
        return answer


class Unchecked(Wrong):
    """Wrong, but only timed."""

    name = "unchecked"
    checked = False


class Missing(SciPy):
    """Not installed."""

    name = "missing"
    package = "bluelight-no-such-package"
    wheels = "Python 9"


class Slow(SciPy):
    """Takes 20 ms a row."""

    name = "slow"

    def matrix(self, sources: NDArray[np.int32], targets: NDArray[np.int32]) -> NDArray[np.float64]:
        time.sleep(0.02 * len(sources))
        return np.asarray(super().matrix(sources, targets))


class Whole(Slow):
    """As slow, but a share says nothing about the whole."""

    name = "whole"
    by_rows = False


class Hanging(SciPy):
    """Never answers."""

    name = "hanging"

    def row(self, source: int) -> NDArray[np.float64]:
        time.sleep(600)
        return np.asarray(super().row(source))
