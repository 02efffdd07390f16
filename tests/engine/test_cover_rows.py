"""Merging demand by who covers it, against plain comparison of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.stationing import cover_rows as module
from engine.stationing.cover_rows import CoverRows, cover_rows
from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plain(
    covers: NDArray[np.bool_], weight: NDArray[np.float64]
) -> list[tuple[tuple[int, ...], float]]:
    groups: dict[tuple[int, ...], float] = {}
    for i in range(len(weight)):
        sites = tuple(np.flatnonzero(covers[:, i]).tolist())
        if sites and weight[i] > 0:
            groups[sites] = groups.get(sites, 0.0) + float(weight[i])
    return list(groups.items())


def listed(rows: CoverRows) -> list[tuple[tuple[int, ...], float]]:
    return [
        (tuple(rows.sites[rows.ptr[g] : rows.ptr[g + 1]].tolist()), float(rows.weight[g]))
        for g in range(len(rows))
    ]


@pytest.mark.parametrize(
    ("sites", "demand"), [(1, 1), (1, 40), (3, 200), (7, 700), (40, 30), (4, 9000)]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_groups_are_the_distinct_columns(sites: int, demand: int, order: str) -> None:
    random = np.random.default_rng(sites + demand)
    covers = np.array(random.random((sites, demand)) < 0.3, order="C" if order == "C" else "F")
    weight = random.integers(0, 4, demand).astype(np.float64)
    rows = cover_rows(covers, weight)
    assert listed(rows) == plain(covers, weight)
    grouped = rows.member >= 0
    assert grouped.tolist() == ((weight > 0) & covers.any(axis=0)).tolist()
    for i in np.flatnonzero(grouped):
        group = rows.member[i]
        own = rows.sites[rows.ptr[group] : rows.ptr[group + 1]]
        assert own.tolist() == np.flatnonzero(covers[:, i]).tolist()


def test_points_of_equal_hash_are_not_merged_on_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = module._keys
    attempts: list[int] = []

    def weak_at_first(sites: int, attempt: int) -> NDArray[np.uint64]:
        attempts.append(attempt)
        return drawn(sites, attempt) if attempt else np.ones(sites, dtype=np.uint64)

    monkeypatch.setattr(module, "_keys", weak_at_first)
    covers = np.eye(3, dtype=np.bool_)
    rows = cover_rows(covers, np.ones(3))
    assert listed(rows) == plain(covers, np.ones(3))
    assert attempts == [0, 1]


def test_nobody_covered() -> None:
    rows = cover_rows(np.zeros((2, 3), dtype=np.bool_), np.ones(3))
    assert len(rows) == 0
    assert rows.value(np.array([1, 1]), np.array([1.0])) == 0.0
    assert (rows.member == -1).all()


def test_value_counts_units() -> None:
    covers = np.array([[True, True, False], [False, True, True]])
    rows = cover_rows(covers, np.array([1.0, 10.0, 100.0]))
    gains = np.array([0.4, 0.2])
    assert rows.value(np.array([2, 0]), gains) == pytest.approx(0.6 * 11)
    assert rows.value(np.array([3, 1]), gains) == pytest.approx(0.6 * 11 + 0.4 * 100)


def test_weight_must_fit() -> None:
    with pytest.raises(InputError, match="shape"):
        cover_rows(np.zeros((2, 3), dtype=np.bool_), np.ones(2))
