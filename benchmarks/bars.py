"""Bars, and those of the routing benchmark: the ratio to a peer that a figure shall reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.output import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_RK: Final = "routingkit-cch"
_OURS: Final = "bluelight"


@dataclass(frozen=True)
class Bar:
    """A bar.

    Parameters
    ----------
    title : str
        What is compared.
    bars : dict
        The bar on graphs by name; ``*`` on all others, none where it is missing.
    figure : callable
        Computes the figure from a graph's document; None if a part was not measured.
    at_most : bool
        Whether the figure must be at most the bar rather than at least.
    """

    title: str
    bars: dict[str, float]
    figure: Callable[[dict[str, Any]], float | None]
    at_most: bool = False


def judge(document: dict[str, Any], bars: Sequence[Bar] | None = None) -> list[dict[str, Any]]:
    """Compare figures with their bars.

    Parameters
    ----------
    document : dict
        What was measured, such as of one graph by `benchmarks.routing.measure`.
    bars : sequence of Bar, optional
        The bars; those of the routing benchmark by default.

    Returns
    -------
    list of dict
        ``title``, ``bar``, ``figure`` and ``passed``; the last two are None where a part
        was not measured.
    """
    verdicts = []
    for each in BARS if bars is None else bars:
        bar = each.bars.get(document.get("graph", "*"), each.bars.get("*"))
        if bar is None:
            continue
        figure = each.figure(document)
        passed = None if figure is None else figure <= bar if each.at_most else figure >= bar
        verdicts.append(
            {
                "title": each.title,
                "sense": "at most" if each.at_most else "at least",
                "bar": bar,
                "figure": figure,
                "passed": passed,
            }
        )
    return verdicts


def bar_lines(bars: Iterable[dict[str, Any]]) -> list[str]:
    """Lay out bars and what was measured.

    Parameters
    ----------
    bars : iterable of dict
        As `benchmarks.bars.judge` makes them.

    Returns
    -------
    list of str
        Lines.
    """
    return table(
        ["<figure", "<", "bar", "measured", "<passed"],
        [
            (
                bar["title"],
                bar["sense"],
                f"{bar['bar']:g}",
                None if bar["figure"] is None else f"{bar['figure']:.3g}",
                {None: "not measured", True: "yes", False: "NO"}[bar["passed"]],
            )
            for bar in bars
        ],
    )


def time_of(
    document: dict[str, Any], task: str, contestant: str, key: str = "median_ms"
) -> float | None:
    """Look a time up.

    Parameters
    ----------
    document : dict
        Of one graph.
    task, contestant : str
        Names.
    key : str
        Which figure.

    Returns
    -------
    float or None
        Milliseconds; None if it was not measured.
    """
    for each in document["tasks"]:
        if each["key"] == task:
            found: float | None = each["contestants"].get(contestant, {}).get(key)
            return found
    return None


def _times(
    task: str, peer: str, key: str = "median_ms"
) -> Callable[[dict[str, Any]], float | None]:
    """Tell how many times as long as ours a peer takes."""

    def figure(document: dict[str, Any]) -> float | None:
        return _quotient(time_of(document, task, peer, key), time_of(document, task, _OURS, key))

    return figure


def _sixteen(name: str) -> Callable[[dict[str, Any]], float | None]:
    def figure(document: dict[str, Any]) -> float | None:
        each = time_of(document, "metric_16", _OURS)
        return _quotient(time_of(document, "metric", name), each)

    return figure


def _closure(document: dict[str, Any]) -> float | None:
    return _quotient(time_of(document, "metric", _OURS), time_of(document, "closure", _OURS))


def _roof(document: dict[str, Any]) -> float | None:
    return None if document["roof"] is None else document["roof"]["share"]


def _prepared(key: str) -> Callable[[dict[str, Any]], float | None]:
    def figure(document: dict[str, Any]) -> float | None:
        found: float | None = document["contestants"].get(_OURS, {}).get(key)
        return found

    return figure


def _quotient(peer: float | None, ours: float | None) -> float | None:
    return None if peer is None or not ours else peer / ours


BARS: Final = (
    Bar("128 full rows, times SciPy", {"130k": 300, "630k": 450}, _times("rows_128", "scipy")),
    Bar("one row alone, times SciPy", {"130k": 12, "630k": 12}, _times("row", "scipy")),
    Bar("200 × 2,000, times RoutingKit", {"130k": 35, "630k": 80}, _times("matrix_200_2000", _RK)),
    Bar("200 × 2,000, times SciPy", {"130k": 500, "630k": 500}, _times("matrix_200_2000", "scipy")),
    Bar(
        "200 × 2,000, times OSRM (CH)",
        {"130k": 60, "630k": 60},
        _times("matrix_200_2000", "osrm-ch"),
    ),
    Bar(
        "1,000 × 1,000, times RoutingKit",
        {"130k": 60, "630k": 140},
        _times("matrix_1000_1000", _RK),
    ),
    Bar("50 → 1 pinned, times RoutingKit, p50", {"130k": 3, "630k": 3}, _times("pinned", _RK)),
    Bar(
        "50 → 1 pinned, times RoutingKit, p99",
        {"130k": 3, "630k": 3},
        _times("pinned", _RK, "p99_ms"),
    ),
    Bar("50 → 1 cold, times RoutingKit, p50", {"130k": 1, "630k": 1}, _times("cold", _RK)),
    Bar(
        "50 → 1 cold, times RoutingKit, p99", {"130k": 1, "630k": 1}, _times("cold", _RK, "p99_ms")
    ),
    Bar("new metric, times RoutingKit", {"130k": 1, "630k": 1}, _times("metric", _RK)),
    Bar("16 metrics at once, each: RoutingKit's one", {"130k": 3, "630k": 3}, _sixteen(_RK)),
    Bar("16 metrics at once, each: our one", {"130k": 3, "630k": 3}, _sixteen(_OURS)),
    Bar("one closure: our new metric", {"130k": 200, "630k": 200}, _closure),
    Bar("rows, share of the triad's bandwidth", {"630k": 0.8}, _roof),
    Bar("preparation, s", {"630k": 15}, _prepared("preparation_s"), at_most=True),
    Bar("preparation, peak MB", {"630k": 500}, _prepared("peak_mb"), at_most=True),
)
"""All bars; those for which a graph has none are left out there."""
