"""What the simulation benchmark must show."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bars import Bar
from benchmarks.simulation_cases import MONTH, OURS, PHASES, UTRECHT, YEAR

if TYPE_CHECKING:
    from collections.abc import Callable


def _named(documents: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((each for each in documents if each["name"] == name), None)


def times(case: str, peer: str, key: str, document: dict[str, Any]) -> float | None:
    """Tell how many times as long as ours a peer takes for the same incidents.

    Parameters
    ----------
    case, peer : str
        Names.
    key : str
        ``median_s`` or ``min_s``.
    document : dict
        As `benchmarks.simulation.measure` makes it.

    Returns
    -------
    float or None
        The ratio; None where the peer did not play.
    """
    found = _named(document["cases"], case)
    if found is None or peer not in found["answers"]:
        return None
    return float(found["answers"][peer][key] / found["answers"][OURS][key])


def _rate(case: str, document: dict[str, Any]) -> float | None:
    found = _named(document["cases"], case)
    return None if found is None else float(found["alone"]["rate"] / 1e6)


def _seconds(city: str, factor: float, document: dict[str, Any]) -> float | None:
    """Return the time of a replication after compilation, drawing included; its log apart."""
    found = _named(document["cities"], city)
    if found is None:
        return None
    return factor * float(found["min_s"]["drawing"] + found["min_s"]["bare"])


def log_cost(city: str, document: dict[str, Any]) -> float | None:
    """Compare a run that keeps its log and writes it to a file with one that does not.

    Parameters
    ----------
    city : str
        Name.
    document : dict
        As `benchmarks.simulation.measure` makes it.

    Returns
    -------
    float or None
        The ratio of the medians.
    """
    found = _named(document["cities"], city)
    if found is None:
        return None
    return float(found["median_s"]["written"] / found["median_s"]["bare"])


def _bar(
    title: str,
    bar: float,
    figure: Callable[[dict[str, Any]], float | None],
    *,
    at_most: bool = False,
) -> Bar:
    return Bar(title, {"*": bar}, figure, at_most=at_most)


def _both(title: str, bar: float, case: str, peer: str) -> tuple[Bar, Bar]:
    return (
        _bar(f"{title}, median", bar, partial(times, case, peer, "median_s")),
        _bar(f"{title}, least", bar, partial(times, case, peer, "min_s")),
    )


BARS: Final = (
    *_both("Utrecht, times SimPy", 50, UTRECHT, "simpy"),
    *_both("Utrecht, all phases, times SimPy", 20, PHASES, "simpy"),
    _bar("Utrecht, million incidents a second", 1, partial(_rate, UTRECHT)),
    _bar("month of Reykjavik, ms", 50, partial(_seconds, MONTH, 1e3), at_most=True),
    _bar("year of a million calls, s", 5, partial(_seconds, YEAR, 1.0), at_most=True),
    _bar("log kept and written, times without, year", 3, partial(log_cost, YEAR), at_most=True),
)
"""All bars, as `benchmarks.bars.judge` takes them."""
