"""Status codes and what they mean for dispatch."""

from __future__ import annotations

import numpy as np
import pytest

from engine.fleet import FMS
from routing.errors import InputError


def test_only_one_and_two_are_free() -> None:
    codes = np.arange(10, dtype=np.int8)
    assert np.flatnonzero(FMS.free(codes)).tolist() == [1, 2]
    assert np.flatnonzero(FMS.at_station(codes)).tolist() == [2]


@pytest.mark.parametrize("request_code", [0, 5])
def test_a_speech_request_leaves_the_status_in_force(request_code: int) -> None:
    for before in (1, 2, 3, 4, 6, 7, 8):
        assert FMS.in_force(request_code, before) == before
    assert FMS.in_force(3, 2) == 3


def test_unknown_code_is_named() -> None:
    with pytest.raises(InputError, match=r"unit 1 has status 12.*FMS.*2 free at station"):
        FMS.checked([1, 12])
