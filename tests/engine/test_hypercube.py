"""The hypercube against Erlang, a dense solve, a played-out fleet, and its approximation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from engine.hypercube import MOST_SERVERS, hypercube
from engine.hypercube_approximation import approximate_hypercube, correction
from engine.queueing import erlang_b, erlang_c
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

THREE = [[0, 1, 2], [1, 0, 2], [2, 1, 0]]


def _plane(
    seed: int, servers: int, atoms: int, load: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Rates, nearest-first lists and distances (servers, atoms) of a random unit square."""
    rng = np.random.default_rng(seed)
    zones, bases = rng.random((atoms, 2)), rng.random((servers, 2))
    distance = np.hypot(*(bases[:, np.newaxis] - zones).transpose(2, 0, 1))
    rates = rng.random(atoms)
    return rates * load * servers / rates.sum(), np.argsort(distance.T, axis=1), distance


def _dense(
    rates: NDArray[np.float64], lists: NDArray[np.int64], service: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Stationary law of the generator, written down without the model's code."""
    n = lists.shape[1]
    generator = np.zeros((2**n, 2**n))
    for state in range(2**n):
        for rate, order in zip(rates, lists, strict=True):
            free = [i for i in order if not state & (1 << int(i))]
            if free:
                generator[state, state | (1 << int(free[0]))] += rate
        for i in range(n):
            if state & (1 << i):
                generator[state, state ^ (1 << i)] += service[i]
    generator -= np.diag(generator.sum(axis=1))
    system = np.vstack([generator.T, np.ones(2**n)])
    return np.asarray(np.linalg.lstsq(system, np.r_[np.zeros(2**n), 1.0], rcond=None)[0])


def test_two_servers_by_theory() -> None:
    found = hypercube([1, 1], [[0, 1], [1, 0]], 2.0)
    assert found.states == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=1e-14)
    assert found.utilisation == pytest.approx([0.4, 0.4], abs=1e-14)
    assert found.fractions == pytest.approx(np.array([[3, 1], [1, 3]]) / 8)


def test_three_servers_by_theory() -> None:
    found = hypercube([0.3, 0.6, 0.9], THREE)
    assert found.states[[0, 7]] == pytest.approx([0.185460, 0.180267], abs=5e-7)
    assert found.states[7] == pytest.approx(float(erlang_b(1.8, 3)), abs=1e-12)
    assert found.utilisation == pytest.approx([0.433862, 0.522969, 0.518688], abs=5e-7)
    queue = hypercube([0.3, 0.6, 0.9], THREE, queue=True)
    assert queue.all_busy == pytest.approx(0.354745, abs=5e-7)
    assert queue.mean_wait == pytest.approx(queue.all_busy / 1.2)


@pytest.mark.parametrize("servers", range(1, 13))
@pytest.mark.parametrize("load", [0.05, 0.6, 0.97])
def test_the_fleet_as_a_whole_is_erlangs(servers: int, load: float) -> None:
    rates, lists, _ = _plane(servers, servers, 9, load)
    total = load * servers
    loss, queue = hypercube(rates, lists), hypercube(rates, lists, queue=True)
    assert loss.all_busy == pytest.approx(float(erlang_b(total, servers)), rel=1e-10)
    assert queue.all_busy == pytest.approx(float(erlang_c(total, servers)), rel=1e-10)
    assert loss.utilisation.sum() == pytest.approx(total * (1 - loss.all_busy), rel=1e-10)
    assert queue.utilisation.sum() == pytest.approx(total, rel=1e-10)
    assert queue.fractions.sum(axis=0) == pytest.approx(rates / total)
    assert loss.fractions.sum(axis=1) == pytest.approx(loss.utilisation / loss.utilisation.sum())


@pytest.mark.parametrize("seed", range(12))
def test_equals_a_dense_solve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    servers = 1 + seed % 7
    rates = rng.exponential(size=5)
    lists = rng.permuted(np.tile(np.arange(servers), (5, 1)), axis=1)
    service = rng.uniform(0.3, 3, servers)
    found = hypercube(rates, lists, service)
    assert found.residual <= 1e-12
    assert found.states == pytest.approx(_dense(rates, lists, service), abs=1e-10)
    # what a server is sent to is what it works off
    served = rates.sum() * (1 - found.all_busy)
    assert found.fractions.sum(axis=1) * served == pytest.approx(found.utilisation * service)


def _play(
    rates: list[float], lists: list[list[int]], service: list[float], incidents: int, seed: int
) -> tuple[list[float], list[list[int]], float, float]:
    """Utilisations, dispatches, share that waits and mean wait of a queue played out."""
    rng = np.random.default_rng(seed)
    atoms = rng.choice(len(rates), incidents, p=np.array(rates) / sum(rates)).tolist()
    arrivals = np.cumsum(rng.exponential(1 / sum(rates), incidents)).tolist()
    work = rng.exponential(1.0, incidents).tolist()
    free_at = [0.0] * len(service)
    busy = [0.0] * len(service)
    sent = [[0] * len(rates) for _ in service]
    waited, waiting = 0.0, 0
    for now, atom, need in zip(arrivals, atoms, work, strict=True):
        idle = [i for i in lists[atom] if free_at[i] <= now]
        server = idle[0] if idle else min(range(len(service)), key=free_at.__getitem__)
        start = max(now, free_at[server])
        waiting += start > now
        waited += start - now
        free_at[server] = start + need / service[server]
        busy[server] += need / service[server]
        sent[server][atom] += 1
    end = arrivals[-1]
    return [b / end for b in busy], sent, waiting / incidents, waited / incidents


def test_a_fleet_played_out_agrees() -> None:
    rates, service = [0.5, 0.9, 0.7], [1.0, 0.7, 1.6]
    found = hypercube(rates, THREE, service, queue=True)
    runs = [_play(rates, THREE, service, 10_000, seed) for seed in range(30)]
    theory = np.r_[found.utilisation, found.fractions.ravel(), found.all_busy, found.mean_wait]
    played = np.array([np.r_[b, np.ravel(s) / 10_000, p, w] for b, s, p, w in runs])
    # a family of 14 figures, 99 % for all of them together
    bound = stats.t.ppf(1 - 0.005 / theory.size, len(runs) - 1)
    error = played.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(played.mean(axis=0) - theory) <= bound * error).all()
    assert (error < 0.02 * np.maximum(theory, 0.1)).all()


@pytest.mark.parametrize("queue", [False, True])
@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_approximation_is_within_a_few_percent(queue: bool, load: float) -> None:
    for seed in range(25):
        rates, lists, distance = _plane(seed, 2 + seed % 9, 30, load)
        exact = hypercube(rates, lists, queue=queue)
        near = approximate_hypercube(rates, lists, queue=queue)
        assert np.abs(exact.utilisation - near.utilisation).max() < 0.05
        assert np.abs(exact.fractions - near.fractions).sum() / 2 < 0.04
        assert near.all_busy == pytest.approx(exact.all_busy, rel=1e-9)
        assert near.mean_wait == pytest.approx(exact.mean_wait, rel=1e-9)
        mean = [float((x.fractions * distance).sum()) for x in (exact, near)]
        assert mean[1] == pytest.approx(mean[0], rel=0.03)


def test_approximation_is_exact_where_servers_are_alike() -> None:
    cycle = [[(i + k) % 5 for k in range(5)] for i in range(5)]
    near = approximate_hypercube([0.5] * 5, cycle)
    assert near.utilisation == pytest.approx(hypercube([0.5] * 5, cycle).utilisation, abs=1e-9)


def test_correction_by_hand() -> None:
    # two servers, load 1, loss: p = .4, .4, .2; r = .4; P(busy, then free) = .4 / 2
    assert np.exp(correction(1.0, 2)) == pytest.approx([1, 0.2 / 0.24])


@pytest.mark.parametrize("queue", [False, True])
@pytest.mark.parametrize("load", [0.01, 0.3, 0.8, 0.97])
def test_a_thousand_servers_settle(queue: bool, load: float) -> None:
    rates, lists, distance = _plane(7, 1000, 300, load)
    near = approximate_hypercube(rates, lists, queue=queue)
    assert near.rounds <= 250
    assert near.fractions.sum() == pytest.approx(1)
    served = 1000 * load * (1 if queue else 1 - near.all_busy)
    assert near.utilisation.sum() == pytest.approx(served)
    assert near.fractions.sum(axis=1) * served == pytest.approx(near.utilisation, abs=1e-6)
    assert np.isfinite(near.mean_response(distance)).all()


def test_travel_by_atom() -> None:
    found = hypercube([1, 1, 0], [[0, 1], [1, 0], [0, 1]], 2.0, queue=False)
    travel = found.mean_travel([[1, 5, 2], [5, 1, 2]])
    assert travel[:2] == pytest.approx([2, 2])
    assert np.isnan(travel[2])
    queue = hypercube([1, 1], [[0, 1], [1, 0]], 2.0, queue=True)
    # M/M/2 at load 1: C = 1/3, W = C / (4 - 2)
    assert queue.mean_wait == pytest.approx(1 / 6)
    assert queue.mean_response(np.ones((2, 2))) == pytest.approx([7 / 6, 7 / 6])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: hypercube([1], [[0, 0]]), "atom 0 does not name each server once"),
        (lambda: hypercube([1, 2], [[0]]), "give a list for each of 2"),
        (lambda: hypercube([0], [[0]]), "all zero"),
        (lambda: hypercube([[1]], [[0]]), "one rate for each atom"),
        (lambda: hypercube([1], [[0]], 0), "service rates are not positive"),
        (lambda: hypercube([1e9], [[0]]), "cannot be computed"),
        (lambda: hypercube([1], [[0]], queue=True), "grow without end"),
        (lambda: hypercube([1], [list(range(MOST_SERVERS + 1))]), "too many"),
        (lambda: approximate_hypercube([1], [[0, 1]], [1, 2]), "one rate for all"),  # type: ignore[arg-type]
        (lambda: correction(3, 3, queue=True), "no load for 3 servers"),
        (lambda: correction(1, 0), "0 servers"),
        (lambda: hypercube([1], [[0]]).mean_travel([1]), "shape"),
        (lambda: hypercube([1], [[0]]).mean_travel([[-1]]), "negative"),
    ],
)
def test_bad_input_is_told(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()
