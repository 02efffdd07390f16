"""Hospital policies: what they choose, and what a policy must keep to."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numba import njit

from engine.hospital import (
    BY_LOAD,
    HOSPITAL_POLICIES,
    KERNEL,
    NEAREST,
    HospitalPolicy,
    HospitalState,
    KernelHospitalPolicy,
    check_hospital_policy,
)
from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN_MS = 600_000.0


def state(
    drive_ms: list[float], bays: list[int], there: list[int], coming: list[int] | None = None
) -> HospitalState:
    none = np.zeros(len(bays), dtype=np.int64)
    return HospitalState(
        drive_ms=np.array(drive_ms),
        bays=np.array(bays),
        there=np.array(there),
        coming=none if coming is None else np.array(coming),
        handover_ms=np.full(len(bays), MEAN_MS),
    )


def test_by_load_is_the_best_of_all_where_handovers_are_known() -> None:
    """With one bay and crews that have just begun, the true start follows from counting."""
    gained = 0
    for drives in product([0.0, 300e3, 600e3, 1_500e3], repeat=2):
        for there in product(range(4), repeat=2):
            asked = state(list(drives), [1, 1], list(there))
            true = [max(d, n * MEAN_MS) for d, n in zip(drives, there, strict=True)]
            by_load, nearest = true[BY_LOAD.choose(asked)], true[NEAREST.choose(asked)]
            assert by_load == min(true) <= nearest
            gained += by_load < nearest
    assert gained > 0


def test_a_lone_patient_is_taken_to_the_nearest() -> None:
    for drives in product([0.0, 60e3, 120e3, float(UNREACHABLE)], repeat=3):
        for bays in product(range(3), repeat=3):
            asked = state(list(drives), list(bays), [0, 0, 0])
            reachable = [d for d in drives if d < UNREACHABLE]
            expected = drives.index(min(reachable)) if reachable else -1
            assert NEAREST.choose(asked) == BY_LOAD.choose(asked) == expected


def test_crews_on_the_way_count_and_free_bays_do_not_wait() -> None:
    assert BY_LOAD.choose(state([0, 500e3], [1, 1], [0, 0], [1, 0])) == 1
    assert BY_LOAD.choose(state([0, 500e3], [2, 1], [0, 0], [1, 0])) == 0
    assert BY_LOAD.choose(state([0, 500e3], [0, 1], [50, 0], [50, 0])) == 0


def test_names_and_their_mistakes() -> None:
    assert list(HOSPITAL_POLICIES) == ["nearest-v1", "by-load-v1"]
    assert HOSPITAL_POLICIES["by-load"] is BY_LOAD
    assert isinstance(BY_LOAD, HospitalPolicy)
    with pytest.raises(InputError, match="unknown hospital policy 'by-laod'") as error:
        HOSPITAL_POLICIES.resolve("by-laod")
    assert "by-load-v1" in str(error.value.fix)


@pytest.mark.parametrize("name", list(HOSPITAL_POLICIES))
def test_ours_keep_their_promises(name: str) -> None:
    check_hospital_policy(HOSPITAL_POLICIES[name])


@njit(KERNEL)
def first(
    drive_ms: NDArray[np.float64],
    bays: NDArray[np.int64],
    there: NDArray[np.int64],
    coming: NDArray[np.int64],
    handover_ms: NDArray[np.float64],
) -> int:
    return 0


@njit(KERNEL)
def fickle(
    drive_ms: NDArray[np.float64],
    bays: NDArray[np.int64],
    there: NDArray[np.int64],
    coming: NDArray[np.int64],
    handover_ms: NDArray[np.float64],
) -> int:
    return int(np.random.randint(len(drive_ms)))  # noqa: NPY002  # what numba knows


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (first, "chose 0, a hospital that cannot take the patient"),
        (fickle, "answers the same state with|cannot take the patient"),
        (lambda *_: 0, "has no kernel"),
        (None, "has no kernel"),
    ],
)
def test_what_breaks_a_promise_is_refused(kernel: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_hospital_policy(KernelHospitalPolicy("mine-v1", kernel), name="mine")
