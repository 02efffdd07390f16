"""What the stationing benchmark must show."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bars import Bar
from benchmarks.stationing_cases import CENSUS, CITY, MEXCLP, MILLION, OR_LIBRARY, WIDE
from benchmarks.stationing_peers import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LARGE: Final = 900
_MINUTE_S: Final = 60.0


def _answers(document: dict[str, Any], family: str, name: str = OURS) -> list[dict[str, Any]]:
    return [
        {**each, **each["answers"][name]}
        for each in document["cases"]
        if each["family"] == family and name in each["answers"]
    ]


def _over(
    family: str, count: int, figure: Callable[[Sequence[dict[str, Any]]], float]
) -> Callable[[dict[str, Any]], float | None]:
    """Compute a figure of ours over a family; None unless so many cases were measured."""

    def computed(document: dict[str, Any]) -> float | None:
        answers = _answers(document, family)
        return figure(answers) if len(answers) >= count else None

    return computed


def _proven(answers: Sequence[dict[str, Any]]) -> float:
    return float(sum(each["proven"] and not each["wrong"] for each in answers))


def _seconds(answer: dict[str, Any]) -> float:
    return math.inf if answer["seconds"] is None else float(answer["seconds"])


def _slowest(answers: Sequence[dict[str, Any]]) -> float:
    return max(_seconds(each) for each in answers)


def _together(answers: Sequence[dict[str, Any]]) -> float:
    return sum(_seconds(each) for each in answers)


def _widest(answers: Sequence[dict[str, Any]]) -> float:
    return max(math.inf if each["gap"] is None else 100 * each["gap"] for each in answers)


def _least_share(answers: Sequence[dict[str, Any]]) -> float:
    return min(float((each["objective"] or 0.0) / each["known"]) for each in answers)


def _farthest(answers: Sequence[dict[str, Any]]) -> float:
    return max(float(abs((each["objective"] or 0.0) - each["known"])) for each in answers)


def times_as_fast(peer: str, document: dict[str, Any]) -> float | None:
    """Compare the p-median cases of the OR-Library that a peer proved.

    Parameters
    ----------
    peer : str
        Its name.
    document : dict
        As `benchmarks.stationing.measure` makes it.

    Returns
    -------
    float or None
        Its seconds over ours, each together; None if it proved none, nothing if we left
        one of them unproven.
    """
    both = [
        each["answers"]
        for each in document["cases"]
        if each["family"] == OR_LIBRARY and each["answers"].get(peer, {}).get("proven")
    ]
    if not both:
        return None
    if not all(each[OURS]["proven"] for each in both):
        return 0.0
    theirs = sum(_seconds(each[peer]) for each in both)
    return theirs / sum(_seconds(each[OURS]) for each in both)


def _beyond(peer: str, document: dict[str, Any]) -> float | None:
    """Count the cases of 900 nodes that we proved and a peer could not within a minute."""
    if document["budget_s"] < _MINUTE_S:
        return None
    large = [
        each["answers"]
        for each in document["cases"]
        if each["family"] == OR_LIBRARY and each["sites"] >= _LARGE and peer in each["answers"]
    ]
    if not large:
        return None
    return float(sum(each[OURS]["proven"] and not each[peer]["proven"] for each in large))


def _bar(
    title: str,
    bar: float,
    figure: Callable[[dict[str, Any]], float | None],
    *,
    at_most: bool = False,
) -> Bar:
    return Bar(title, {"*": bar}, figure, at_most=at_most)


BARS: Final = (
    _bar("pmed1–40, proven", 40, _over(OR_LIBRARY, 40, _proven)),
    _bar("pmed1–40, s together", 180, _over(OR_LIBRARY, 40, _together), at_most=True),
    _bar("pmed it proves, times spopt (CBC)", 20, partial(times_as_fast, "spopt-cbc")),
    _bar("pmed it proves, times spopt (HiGHS)", 20, partial(times_as_fast, "spopt-highs")),
    _bar("900 nodes proven, not so by spopt (CBC)", 1, partial(_beyond, "spopt-cbc")),
    _bar("100 sites × 1,000,000, proven of 3", 3, _over(MILLION, 3, _proven)),
    _bar("100 sites × 1,000,000, slowest, s", 10, _over(MILLION, 3, _slowest), at_most=True),
    _bar("census blocks, least share of best known", 1, _over(CENSUS, 12, _least_share)),
    _bar("census blocks, widest gap, %", 0.5, _over(CENSUS, 12, _widest), at_most=True),
    _bar("census blocks, slowest, s", 30, _over(CENSUS, 12, _slowest), at_most=True),
    _bar("MEXCLP Utrecht, proven of 3", 3, _over(MEXCLP, 3, _proven)),
    _bar("MEXCLP Utrecht, off the published", 5e-7, _over(MEXCLP, 3, _farthest), at_most=True),
    _bar("MEXCLP Utrecht, slowest, s", 1, _over(MEXCLP, 3, _slowest), at_most=True),
    _bar("p-median 500 × 5,000, gap, %", 0.1, _over(WIDE, 1, _widest), at_most=True),
    _bar("p-median 500 × 5,000, s", 60, _over(WIDE, 1, _slowest), at_most=True),
    _bar("Reykjavik, widest gap, %", 1, _over(CITY, 1, _widest), at_most=True),
    _bar("Reykjavik, network to plan, slowest, s", 30, _over(CITY, 1, _slowest), at_most=True),
)
"""All bars, as `benchmarks.bars.judge` takes them."""
