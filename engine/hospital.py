"""Which hospital takes a patient: policies as plug-ins by versioned id.

A policy is a compiled function of `KERNEL`, which the event loop calls through a pointer,
so that one of your own is as fast as those here. The loop does not call Python for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numba import njit, types

from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TIMES: Final = types.Array(types.float64, 1, "C", readonly=True)
_COUNTS: Final = types.Array(types.int64, 1, "C", readonly=True)

KERNEL: Final = types.int64(_TIMES, _COUNTS, _COUNTS, _COUNTS, _TIMES)
"""Signature: drive_ms, bays, there, coming, handover_ms -> hospital."""

_NEVER: Final = float(UNREACHABLE)


class HospitalState(NamedTuple):
    """A patient aboard, and what each hospital could do.

    Parameters
    ----------
    drive_ms : ndarray of float64, shape (hospitals,)
        Drive there from the scene; UNREACHABLE where the patient cannot be taken: closed,
        without the capability that is asked for, or no road.
    bays : ndarray of int64, shape (hospitals,)
        How many crews can hand over at once, 0 for any number.
    there, coming : ndarray of int64, shape (hospitals,)
        Crews that hand over or wait for it, and crews on the way with a patient.
    handover_ms : ndarray of float64, shape (hospitals,)
        Mean time of a handover.
    """

    drive_ms: NDArray[np.float64]
    bays: NDArray[np.int64]
    there: NDArray[np.int64]
    coming: NDArray[np.int64]
    handover_ms: NDArray[np.float64]


@runtime_checkable
class HospitalPolicy(Protocol):
    """A rule that chooses a hospital; a pure function of the state."""

    @property
    def id(self) -> str:
        """The versioned name."""
        ...

    @property
    def kernel(self) -> Any:
        """A numba function compiled with the signature `KERNEL`."""
        ...


@dataclass(frozen=True)
class KernelHospitalPolicy:
    """A policy that is a compiled function.

    Parameters
    ----------
    id : str
        Its versioned name.
    kernel : callable
        A numba function of the signature `KERNEL`.
    """

    id: str
    kernel: Any

    def choose(self, state: HospitalState) -> int:
        """Choose a hospital.

        Parameters
        ----------
        state : HospitalState
            At least one hospital can take the patient.

        Returns
        -------
        int
            The hospital.
        """
        return int(self.kernel(*state))


@njit(KERNEL, cache=True)
def nearest(
    drive_ms: NDArray[np.float64],
    bays: NDArray[np.int64],  # noqa: ARG001
    there: NDArray[np.int64],  # noqa: ARG001
    coming: NDArray[np.int64],  # noqa: ARG001
    handover_ms: NDArray[np.float64],  # noqa: ARG001
) -> int:
    """Choose the hospital with the shortest drive.

    Parameters
    ----------
    drive_ms, bays, there, coming, handover_ms
        As in `HospitalState`.

    Returns
    -------
    int
        The hospital, the lowest of equals; -1 where none can be reached.
    """
    best, best_ms = -1, _NEVER
    for hospital in range(len(drive_ms)):
        if drive_ms[hospital] < best_ms:
            best, best_ms = hospital, drive_ms[hospital]
    return best


@njit(KERNEL, cache=True)
def by_load(
    drive_ms: NDArray[np.float64],
    bays: NDArray[np.int64],
    there: NDArray[np.int64],
    coming: NDArray[np.int64],
    handover_ms: NDArray[np.float64],
) -> int:
    """Choose the hospital where the handover can be expected to begin first.

    With c bays and handovers of mean m, n crews ahead are expected to leave a bay free
    after (n - c + 1) m / c, as in a queue M/M/c. Ahead count those on the way, and those
    there less the c / m times the drive that will have left by then.

    Parameters
    ----------
    drive_ms, bays, there, coming, handover_ms
        As in `HospitalState`.

    Returns
    -------
    int
        The hospital, of equals the nearer, then the lowest; -1 where none can be reached.
    """
    best, best_ms, best_drive = -1, np.inf, _NEVER
    for hospital in range(len(drive_ms)):
        drive = drive_ms[hospital]
        if drive >= _NEVER:
            continue
        start = drive
        if bays[hospital] > 0 and handover_ms[hospital] > 0:
            turn = handover_ms[hospital] / bays[hospital]
            ahead = max(0.0, there[hospital] - drive / turn) + coming[hospital]
            start += max(0.0, ahead - bays[hospital] + 1) * turn
        if start < best_ms or (start == best_ms and drive < best_drive):
            best, best_ms, best_drive = hospital, start, drive
    return best


NEAREST: Final = KernelHospitalPolicy("nearest-v1", nearest)
"""The hospital with the shortest drive."""

BY_LOAD: Final = KernelHospitalPolicy("by-load-v1", by_load)
"""The hospital where the handover can be expected to begin first."""

HOSPITAL_POLICIES: Final[Registry[HospitalPolicy]] = Registry("hospital policy")
"""Every hospital policy that can be named."""

HOSPITAL_POLICIES.register(NEAREST.id, NEAREST)
HOSPITAL_POLICIES.register(BY_LOAD.id, BY_LOAD)


def check_hospital_policy(
    policy: HospitalPolicy, *, name: str = "the hospital policy", seed: int = 0
) -> None:
    """Test that a hospital policy keeps its promises: compiled, feasible, deterministic.

    Its signature takes read-only arrays, so that it cannot write into the state.

    Parameters
    ----------
    policy : HospitalPolicy
        The policy.
    name : str
        What to call it in a message.
    seed : int
        Seed of the random states.

    Raises
    ------
    InputError
        It has no kernel of the signature `KERNEL`, chooses what cannot take the patient,
        or answers the same state differently.
    """
    kernel = getattr(policy, "kernel", None)
    if KERNEL.args not in getattr(kernel, "signatures", ()):
        raise InputError(
            f"{name} has no kernel that is compiled with the signature of hospital policies",
            field="policy",
            fix="decorate the function with @njit(engine.hospital.KERNEL)",
        )
    states = [_random_state(np.random.default_rng([seed, i])) for i in range(200)]
    first = [int(policy.kernel(*state)) for state in states]
    again = [int(policy.kernel(*state)) for state in states[::-1]][::-1]
    for state, one, two in zip(states, first, again, strict=True):
        if one != two:
            raise InputError(
                f"{name} answers the same state with {one} and with {two}",
                field="policy",
                fix="let it depend on its arguments alone",
            )
        if not 0 <= one < len(state.drive_ms) or state.drive_ms[one] >= _NEVER:
            raise InputError(
                f"{name} chose {one}, a hospital that cannot take the patient",
                field="policy",
                fix="choose a hospital whose drive_ms is below UNREACHABLE",
            )


def _random_state(rng: np.random.Generator) -> HospitalState:
    hospitals = int(rng.integers(1, 8))
    # few distinct times, so that ties are met
    drive = np.asarray(rng.integers(0, 6, hospitals) * 60e3, dtype=np.float64)
    drive[rng.random(hospitals) < 0.3] = _NEVER
    drive[rng.integers(hospitals)] = 120_000.0
    return HospitalState(
        drive_ms=drive,
        bays=rng.integers(0, 4, hospitals),
        there=rng.integers(0, 6, hospitals),
        coming=rng.integers(0, 3, hospitals),
        handover_ms=np.asarray(rng.integers(0, 4, hospitals) * 300e3, dtype=np.float64),
    )
