"""Types of numbers in compiled code."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[Any]
"""An array of int32, or of int64; kernels are compiled for either."""

Unsigned: TypeAlias = NDArray[Any]
"""An array of uint32, or of uint64."""

Int: TypeAlias = int | np.int64
"""A number of 64 bits."""
