"""Shifts against all combinations, against a linear program, and by hand."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engine.shifts import WEEK_H, Shift, ShiftRules, cover_need
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.shifts import Roster

DAILY = range(0, WEEK_H, 24)


def daily(name: str, hour: int, hours: int, cost: float | None = None) -> Shift:
    starts = tuple(day + hour for day in DAILY)
    return Shift(name, starts, hours, hours if cost is None else cost)


def check(roster: Roster, need: NDArray[np.int64], rules: ShiftRules) -> None:
    """Add up what the shifts cover, hour by hour, by another way."""
    shifts = {shift.name: shift for shift in rules.shifts}
    covered, cost = np.zeros(WEEK_H, dtype=np.int64), 0.0
    for name, start, count in roster.starts:
        shift = shifts[name]
        assert start in shift.starts
        cost += count * shift.cost
        for since in range(shift.hours):
            if since not in shift.breaks:
                covered[(start + since) % WEEK_H] += count
    assert roster.covered.tolist() == covered.tolist()
    assert np.array_equal(roster.over - roster.under, covered - need)
    assert (np.minimum(roster.over, roster.under) == 0).all()
    cost += roster.under.sum() * (rules.short_cost or 0)
    assert roster.cost == pytest.approx(cost)
    assert roster.bound <= roster.cost + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_least_cost_of_all_combinations(data: st.DataObject) -> None:
    whole = st.integers
    shifts = tuple(
        Shift(
            f"{row}",
            (data.draw(whole(0, WEEK_H - 1)),),
            data.draw(whole(30, 140)),
            data.draw(whole(0, 40)) / 4,
            tuple(data.draw(st.sets(whole(0, 29), max_size=2))),
        )
        for row in range(4)
    )
    need = np.zeros(WEEK_H, dtype=np.int64)
    for _ in range(3):
        need[data.draw(whole(0, WEEK_H - 1)) :][:20] = data.draw(whole(0, 2))
    rules = ShiftRules(shifts, short_cost=data.draw(st.sampled_from([0.125, 1, 3])))
    covers = np.zeros((4, WEEK_H), dtype=np.int64)
    for row, shift in enumerate(shifts):
        for since in set(range(shift.hours)) - set(shift.breaks):
            covers[row, (shift.starts[0] + since) % WEEK_H] += 1
    least = min(
        np.dot(count, [shift.cost for shift in shifts])
        + np.maximum(need - np.array(count) @ covers, 0).sum() * (rules.short_cost or 0)
        for count in itertools.product(range(3), repeat=4)
    )
    roster = cover_need(need, rules)
    check(roster, need, rules)
    assert roster.proven
    assert roster.cost == pytest.approx(least)
    assert roster.bound == roster.cost


def test_many_starts_against_a_linear_program() -> None:
    rng = np.random.default_rng(7)
    day = 3 + 2 * np.sin((np.arange(WEEK_H) % 24 - 8) * np.pi / 12)
    need = rng.poisson(day).astype(np.int64)
    shifts = tuple(Shift(f"{h} h", tuple(range(WEEK_H)), h, h + 1) for h in (8, 10, 12))
    rules = ShiftRules(shifts, shortest_h=8, longest_h=12)
    roster = cover_need(need, rules)
    check(roster, need, rules)
    assert roster.proven
    assert roster.under.sum() == 0
    matrix = np.zeros((WEEK_H, 3 * WEEK_H))
    for column, (shift, start) in enumerate(itertools.product(shifts, range(WEEK_H))):
        matrix[(start + np.arange(shift.hours)) % WEEK_H, column] = -1
    cost = np.repeat([shift.cost for shift in shifts], WEEK_H)
    relaxed = float(linprog(cost, A_ub=matrix, b_ub=-need)["fun"])
    # costs are whole, so is the least one
    assert np.ceil(relaxed - 1e-6) <= roster.cost <= relaxed + 5
    again = cover_need(need.reshape(7, 24), rules)
    assert again.starts == roster.starts


def test_two_shifts_by_hand() -> None:
    need = np.ones(WEEK_H, dtype=np.int64)
    need[[day + 12 for day in DAILY]] = 3
    rules = ShiftRules((daily("day", 7, 12), daily("night", 19, 12), daily("noon", 11, 4, 3.5)))
    roster = cover_need(need, rules)
    assert roster.cost == 7 * (12 + 12 + 2 * 3.5)
    assert roster.vehicle_hours == 7 * (12 + 12 + 2 * 4)
    assert ("noon", 11, 2) in roster.starts
    assert roster.covered[0] == 1  # by the night of Sunday
    document = roster.to_json_dict()
    assert {"shift": "night", "weekday": "Sun", "hour": 19, "count": 1} in document["starts"]


def test_breaks_need_another_vehicle() -> None:
    shifts = (
        Shift("a", tuple(DAILY), 24, 24, breaks=(12,)),
        daily("relief", 12, 1, 0.5),
    )
    roster = cover_need(np.ones(WEEK_H), ShiftRules(shifts))
    assert roster.cost == 7 * 24.5


def test_no_need_no_shift() -> None:
    roster = cover_need(np.zeros(WEEK_H), ShiftRules((daily("day", 7, 12),)))
    assert (roster.starts, roster.cost, roster.bound, roster.proven) == ((), 0, 0, True)


def test_a_cheap_gap_is_left_open() -> None:
    need = np.zeros(WEEK_H, dtype=np.int64)
    need[30] = 2
    day = daily("day", 6, 8)
    assert cover_need(need, ShiftRules((day,))).cost == 16
    roster = cover_need(need, ShiftRules((day,), short_cost=7.5))
    assert (roster.cost, roster.under[30]) == (15, 2)


def test_the_hour_that_no_shift_covers_is_named() -> None:
    need = np.ones(WEEK_H, dtype=np.int64)
    rules = ShiftRules((daily("day", 7, 12), daily("night", 20, 11)))
    with pytest.raises(InputError, match=r"no shift covers Mon 19:00, which needs 1, nor 6 other"):
        cover_need(need, rules)
    need[:] = 0
    need[6 * 24 + 19] = 2
    with pytest.raises(InputError, match=r"no shift covers Sun 19:00, which needs 2; add a shift"):
        cover_need(need, rules)


def test_too_little_effort_is_said() -> None:
    shifts = tuple(Shift(f"{h}", tuple(range(WEEK_H)), h, h + 1) for h in range(6, 13))
    need = np.random.default_rng(3).poisson(9, WEEK_H)
    with pytest.raises(InputError, match="no shifts were found within the effort of 1e-06"):
        cover_need(need, ShiftRules(shifts), effort=1e-6)


NONE = np.zeros(WEEK_H)
DAY = ShiftRules((daily("day", 0, 24),))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Shift("x", (), 8, 8), "never begins"),
        (lambda: Shift("x", (168,), 8, 8), "hour 168 of the week"),
        (lambda: Shift("x", (1, 1), 8, 8), "a start twice"),
        (lambda: Shift("x", (1,), 0, 8), "lasts 0 h"),
        (lambda: Shift("x", (1,), 8, float("nan")), "costs nan"),
        (lambda: Shift("x", (1,), 8, 8, (8,)), "a break in its hour 8"),
        (lambda: ShiftRules(()), "there is no shift"),
        (lambda: ShiftRules((Shift("x", (1,), 13, 8),), longest_h=12), "lasts 13 h; allowed"),
        (lambda: ShiftRules((daily("a", 1, 8), daily("a", 2, 8))), "names repeat"),
        (lambda: ShiftRules((daily("a", 1, 8),), short_cost=0), "0 is no price"),
        (lambda: cover_need(NONE[:24], DAY), "has shape"),
        (lambda: cover_need(NONE - 1, DAY), "-1.0 vehicles in hour 0"),
        (lambda: cover_need(NONE + 0.5, DAY), "0.5 vehicles"),
        (lambda: cover_need(NONE * np.nan, DAY), "nan vehicles"),
        (lambda: cover_need(NONE + 1, DAY, effort=0), "0 is no effort"),
    ],
)
def test_bad_input(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
