"""Pictures of a fit to a log: what was observed beside what was fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from scipy import stats

from scenarios.duration_fit import distribution_of
from scenarios.figures import STYLE, data_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.schema import Duration

_OBSERVED: Final = "#e6550d"
_FITTED: Final = "#08519c"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COLUMNS: Final = 3


def chance_band(
    expected: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return between which counts 95 % of those lie that are Poisson.

    Parameters
    ----------
    expected : ndarray of float64
        Expected counts.

    Returns
    -------
    low, high : ndarray of float64
        Both included; at least 95 %, as counts are whole.
    """
    low, high = (np.asarray(stats.poisson.ppf(end, expected)) for end in (0.025, 0.975))
    return low, high


def week_figure(
    count: NDArray[np.int64], exposure: NDArray[np.float64], rate: NDArray[np.float64]
) -> str:
    """Draw incidents by hour of the week, observed over fitted with its band.

    Parameters
    ----------
    count : ndarray of int64, shape (7, 24)
        Incidents observed.
    exposure : ndarray of float64, shape (7, 24)
        How often each hour was.
    rate : ndarray of float64, shape (7, 24)
        Incidents an hour, as fitted.

    Returns
    -------
    str
        An SVG as a data URI.
    """
    expected, times = (rate * exposure).ravel(), exposure.ravel()
    some = times > 0
    low, high, seen = (
        np.where(some, each / np.where(some, times, 1), np.nan)
        for each in (*chance_band(expected), count.ravel())
    )
    edges = np.arange(169)
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.stairs(
            np.nan_to_num(high),
            edges,
            baseline=np.nan_to_num(low),
            fill=True,
            color=_FITTED,
            alpha=0.18,
            lw=0,
            label="95 % of counts, if the fit is true",
        )
        axes.stairs(rate.ravel(), edges, baseline=None, color=_FITTED, lw=1.8, label="fitted")
        axes.plot(edges[:-1] + 0.5, seen, ".", ms=4.5, color=_OBSERVED, label="observed")
        axes.set_xticks(range(0, 168, 24), _DAYS, ha="left")
        axes.set_xticks(range(0, 168, 6), minor=True)
        axes.set(xlim=(0, 168), ylabel="incidents an hour", xlabel="local hour of the week")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25, axis="x")
        figure.legend(loc="outside upper right", ncols=3, frameon=False)
        return data_uri(figure, "svg")


def zone_figure(count: NDArray[np.int64], fitted: NDArray[np.float64]) -> str:
    """Draw incidents of zones, observed against fitted with its band.

    Parameters
    ----------
    count : ndarray of int64, shape (zones,)
        Incidents observed.
    fitted : ndarray of float64, shape (zones,)
        As many as the fitted weights give.

    Returns
    -------
    str
        A PNG as a data URI: there may be thousands of zones.
    """
    top = max(float(fitted.max()), float(count.max()), 1.0) * 1.08
    line = np.concatenate([[0.0], np.geomspace(0.05, top, 300)])
    low, high = chance_band(line)
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 5.4), layout="constrained")
        axes = figure.subplots()
        # a root, so that zones of few and of many incidents are both seen
        for axis in ("x", "y"):
            getattr(axes, f"set_{axis}scale")(
                "function", functions=(lambda v: np.sqrt(np.maximum(v, 0)), np.square)
            )
        axes.fill_between(
            line,
            low,
            high,
            color=_FITTED,
            alpha=0.18,
            lw=0,
            label="95 % of counts, if the fit is true",
        )
        axes.plot(line, line, color=_FITTED, lw=1.5, label="as fitted")
        axes.scatter(fitted, count, s=12, lw=0, alpha=0.55, color=_OBSERVED, label="a zone")
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="fitted incidents", ylabel="observed")
        ticks = _ticks(top)
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
        axes.legend(loc="upper left", frameon=False)
        return data_uri(figure, "png")


def duration_figure(parts: Sequence[tuple[str, NDArray[np.float64], Duration]]) -> str:
    """Draw distributions of durations, observed over fitted, one panel each.

    Parameters
    ----------
    parts : sequence of tuple
        Heading, cases in seconds, and the fitted duration; one or more.

    Returns
    -------
    str
        An SVG as a data URI. Observed curves are read at fifty times, so that no single
        case is drawn.
    """
    columns = min(_COLUMNS, len(parts))
    rows = -(-len(parts) // columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(3.7 * max(columns, 2), 2.5 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axes, (heading, seconds, duration) in zip(panels, parts, strict=False):
            ends = np.quantile(seconds, (0.005, 0.995))
            grid = np.geomspace(max(ends[0] * 0.7, 1.0), max(ends[1] * 1.4, 2.0), 50)
            seen = np.searchsorted(np.sort(seconds), grid, "right") / len(seconds)
            axes.plot(grid / 60, distribution_of(duration, grid), color=_FITTED, lw=1.8)
            axes.plot(grid / 60, seen, ".", ms=3.5, color=_OBSERVED)
            axes.set(xscale="log", ylim=(0, 1.02))
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_title(heading.replace("$", r"\$"), loc="left", fontsize=9)
            axes.grid(alpha=0.25)
        for axes in panels[len(parts) :]:
            axes.set_visible(False)
        panels[0].plot([], [], color=_FITTED, lw=1.8, label="fitted")
        panels[0].plot([], [], ".", color=_OBSERVED, label="observed")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        figure.supxlabel("minutes", fontsize=10)
        figure.supylabel("share that lasts no longer", fontsize=10)
        return data_uri(figure, "svg")


def _ticks(top: float) -> list[float]:
    """Return round counts that a root spreads evenly."""
    step = max(1.0, np.sqrt(top) / 6)
    found = (np.arange(0, 8) * step) ** 2
    digits = 10 ** np.floor(np.log10(np.maximum(found, 1)))
    return sorted({float(v) for v in np.round(found / digits) * digits if v <= top})
