"""Covering choices against enumeration, published values and best known ones."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.stationing import covering
from engine.stationing.base import PROVEN_GAP
from engine.stationing.cover_rows import cover_rows
from engine.stationing.covering import UnitChoice, choose_units
from engine.stationing.effort import Effort
from routing.errors import InputError
from tests.engine.test_stationing_reference import read_census

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ONE = np.array([1.0])


def worth(
    covers: NDArray[np.bool_],
    weight: NDArray[np.float64],
    gains: NDArray[np.float64],
    units: tuple[int, ...],
) -> float:
    total = 0.0
    for i in range(len(weight)):
        count = sum(units[j] for j in range(len(units)) if covers[j, i])
        total += float(weight[i]) * float(gains[:count].sum())
    return total


@st.composite
def questions(draw: st.DrawFn) -> dict[str, NDArray[np.generic]]:
    sites, demand = draw(st.integers(1, 5)), draw(st.integers(0, 9))
    capacity = draw(hnp.arrays(np.int64, sites, elements=st.integers(0, 3)))
    lower = np.minimum(
        draw(hnp.arrays(np.int64, sites, elements=st.sampled_from([0, 0, 1]))), capacity
    )
    gains = draw(
        st.sampled_from([[1.0], [1.0, 0.0], [0.7, 0.3], [2.0, 1.0, 1.0], [0.4, 0.24, 0.144], [0.0]])
    )
    return {
        "covers": draw(hnp.arrays(np.bool_, (sites, demand))),
        "weight": draw(
            hnp.arrays(np.float64, demand, elements=st.sampled_from([0.0, 1.0, 2.0, 0.7, 1e4]))
        ),
        "gains": np.array(gains),
        "capacity": capacity,
        "lower": lower,
        "k": np.array(draw(st.integers(int(lower.sum()), int(capacity.sum())))),
    }


def answered(q: dict[str, NDArray[np.generic]], cells: float = 1e9) -> UnitChoice:
    capacity, lower = q["capacity"].astype(np.int64), q["lower"].astype(np.int64)
    choice = choose_units(
        cover_rows(q["covers"].astype(np.bool_), q["weight"].astype(np.float64)),
        q["gains"].astype(np.float64),
        int(q["k"]),
        capacity=capacity,
        lower=lower,
        effort=Effort(cells),
    )
    assert choice.units.sum() == q["k"]
    assert (choice.units >= lower).all()
    assert (choice.units <= capacity).all()
    return choice


def enumerated(q: dict[str, NDArray[np.generic]]) -> float:
    ranges = [
        range(int(low), int(high) + 1)
        for low, high in zip(q["lower"].tolist(), q["capacity"].tolist(), strict=True)
    ]
    arrays = q["covers"].astype(np.bool_), q["weight"].astype(np.float64)
    return max(
        worth(*arrays, q["gains"].astype(np.float64), units)
        for units in itertools.product(*ranges)
        if sum(units) == q["k"]
    )


@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_enumeration(question: dict[str, NDArray[np.generic]]) -> None:
    choice, best = answered(question), enumerated(question)
    assert choice.value == pytest.approx(best)
    assert best - 1e-9 * best <= choice.bound <= best * (1 + PROVEN_GAP) + 1e-9


@settings(max_examples=100, deadline=None)
@given(question=questions(), cells=st.sampled_from([1.0, 300.0, 5000.0]))
def test_bounds_are_honest_when_the_effort_is_tiny(
    question: dict[str, NDArray[np.generic]], cells: float
) -> None:
    choice, best = answered(question, cells), enumerated(question)
    assert choice.value <= best * (1 + 1e-12)
    assert choice.bound >= best * (1 - 1e-12)


def grid_case(
    sites: int, demand: int, radius: float, seed: int = 1
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    where, who = random.uniform(0, 30, (sites, 2)), random.uniform(0, 30, (demand, 2))
    distance = np.hypot(*(where[:, None] - who[None]).transpose(2, 0, 1))
    return distance <= radius, random.integers(1, 101, demand).astype(np.float64)


@pytest.mark.parametrize(
    ("gains", "capacity"),
    [([1.0], 1), ([1.0, 0.5], 1), ([1.0, 0.5], 2), ([0.4, 0.24, 0.144, 0.0864], 3)],
)
def test_eighteen_sites_against_enumeration(gains: list[float], capacity: int) -> None:
    covers, weight = grid_case(18 if capacity == 1 else 9, 300, 7.0)
    sites = len(covers)
    total = np.concatenate([[0.0], np.cumsum(gains)])
    best = 0.0
    for chosen in itertools.combinations_with_replacement(range(sites), 5):
        units = np.bincount(chosen, minlength=sites)
        if units.max() <= capacity:
            count = units @ covers.astype(np.int64)
            best = max(best, float(weight @ total[np.minimum(count, len(gains))]))
    choice = choose_units(
        cover_rows(covers, weight),
        np.array(gains),
        5,
        capacity=np.full(sites, capacity),
        effort=Effort.of_seconds(10.0),
    )
    assert choice.value == pytest.approx(best)
    assert choice.bound <= best * (1 + PROVEN_GAP)


def test_prices_from_a_sample_bound_all_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    covers, weight = grid_case(40, 400, 5.0)
    rows, ones = cover_rows(covers, weight), np.ones(40, dtype=np.int64)
    proven = choose_units(rows, ONE, 5, capacity=ones, effort=Effort.of_seconds(10.0))
    assert proven.value == proven.bound
    monkeypatch.setattr(covering, "_LARGE", 10)
    monkeypatch.setattr(covering, "_SAMPLE", 600.0)
    priced = choose_units(rows, ONE, 5, capacity=ones, effort=Effort.of_seconds(10.0))
    assert priced.value <= proven.value <= priced.bound <= 1.05 * proven.value


def test_same_seed_same_choice() -> None:
    covers, weight = grid_case(150, 3000, 3.0)
    rows = cover_rows(covers, weight)
    asked = {"capacity": np.ones(150, dtype=np.int64), "seed": 3}
    first, second = (
        choose_units(rows, ONE, 12, effort=Effort(4e7), **asked)  # type: ignore[arg-type]
        for _ in range(2)
    )
    assert first.units.tolist() == second.units.tolist()
    assert first.bound == second.bound


def test_stop_hands_over_the_best_so_far() -> None:
    covers, weight = grid_case(150, 3000, 3.0)
    choice = choose_units(
        cover_rows(covers, weight),
        ONE,
        12,
        capacity=np.ones(150, dtype=np.int64),
        effort=Effort.of_seconds(100.0),
        stopped=lambda: True,
    )
    assert choice.units.sum() == 12
    assert 0 < choice.value < choice.bound <= weight.sum()


def test_nothing_to_choose() -> None:
    covers, weight = grid_case(4, 50, 9.0)
    rows, ones = cover_rows(covers, weight), np.ones(4, dtype=np.int64)
    none = choose_units(rows, ONE, 0, capacity=ones, effort=Effort(1e8))
    assert (none.units.tolist(), none.value, none.bound) == ([0, 0, 0, 0], 0.0, 0.0)
    every = choose_units(rows, ONE, 4, capacity=ones, effort=Effort(1e8))
    assert every.value == every.bound == float(weight @ covers.any(axis=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 5}, "5 units"),
        ({"k": -1}, "-1 units"),
        ({"capacity": np.ones(3, dtype=np.int64)}, "shape"),
        ({"lower": np.array([0, 2, 0, 0])}, "site 1 needs 2"),
        ({"gains": np.array([0.5, 1.0])}, "never rise"),
        ({"gains": np.array([-1.0])}, "never rise"),
        ({"gains": np.array([np.nan])}, "never rise"),
    ],
)
def test_bad_input(change: dict[str, object], message: str) -> None:
    asked: dict[str, object] = {"gains": ONE, "k": 2, "capacity": np.ones(4, dtype=np.int64)}
    rows = cover_rows(*grid_case(4, 50, 9.0))
    with pytest.raises(InputError, match=message):
        choose_units(rows, effort=Effort(1e8), **(asked | change))  # type: ignore[arg-type]


def read_utrecht(folder: Path) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return what bases reach within twelve minutes, and shares of inhabitants.

    The published values come out with the time from a postal code to a base.
    """

    def read(name: str) -> list[list[str]]:
        return [line.split(",") for line in (folder / name).read_text("utf-8-sig").splitlines()]

    header, *table = read("siren_driving_matrix_2022.csv")
    minutes = np.array([row[1:] for row in table], dtype=np.float64)
    bases = [header[1:].index(base) for (base,) in read("RAVU_base_locations_Utrecht_2021.csv")[1:]]
    weight = np.array([row[3] for row in read("nodes_Utrecht_2021.csv")[1:]], dtype=np.float64)
    return minutes[:, bases].T <= 12.0, weight


@pytest.mark.parametrize(("units", "best"), [(20, 0.852089), (23, 0.879357), (24, 0.886632)])
def test_utrecht_expected_covering(reference_data: Path, units: int, best: float) -> None:
    folder = reference_data / "elaspy"
    covers, share = read_utrecht(folder)
    choice = choose_units(
        cover_rows(covers, share),
        (0.4 * 0.6 ** np.arange(units)).astype(np.float64),
        units,
        capacity=np.full(len(covers), units),
        effort=Effort.of_seconds(10.0),
    )
    assert round(choice.value, 6) == best
    assert choice.bound <= choice.value * (1 + PROVEN_GAP)


@pytest.mark.parametrize("radius", [5.5, 5.75, 6.25])
def test_grid_of_a_hundred_sites_is_proven(radius: float) -> None:
    covers, weight = grid_case(100, 20_000, radius)
    choice = choose_units(
        cover_rows(covers, weight),
        ONE,
        15,
        capacity=np.ones(100, dtype=np.int64),
        effort=Effort.of_seconds(30.0),
    )
    assert choice.bound == choice.value == float(weight @ covers[choice.units > 0].any(axis=0))


@pytest.mark.parametrize(
    ("k", "seconds", "share"),
    # the linear relaxation of the second stays 0.57 % above the best known value
    [(50, 6.0, 1.005), (90, 8.0, 1.0055)],
)
def test_census_covering(reference_data: Path, k: int, seconds: float, share: float) -> None:
    metres, weight, best = read_census(reference_data, f"NewYork_{k}_400")
    choice = choose_units(
        cover_rows(metres <= 400.0, weight),
        ONE,
        k,
        capacity=np.ones(len(weight), dtype=np.int64),
        effort=Effort.of_seconds(seconds),
    )
    assert choice.bound >= best
    assert choice.value >= 0.998 * best
    assert choice.bound <= share * choice.value
