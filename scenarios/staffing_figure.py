"""Picture of a sized fleet: vehicles by hour and weekday, and the shifts that cover them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from engine.shifts import WEEK_H, WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from engine.shifts import Roster
    from scenarios.staffing import Staffing

FIGURE_TITLE: Final = "bluelight staffing"
"""Title inside the file, near its beginning, by which an earlier picture is told."""

_MOST_GROUNDS: Final = 6
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "bluelight",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def staffing_figure(staffing: Staffing, rosters: Sequence[Roster] | None, kind: str) -> bytes:
    """Draw what each ground needs by hour and weekday, and beside it over the week.

    Parameters
    ----------
    staffing : Staffing
        The sizes.
    rosters : sequence of Roster, optional
        The shifts of each ground, drawn as a line over the need.
    kind : str
        ``png`` or ``svg``.

    Returns
    -------
    bytes
        The picture. Of many grounds the six with the largest load; the title says so.
    """
    loads = np.array([ground.load.sum() for ground in staffing.grounds])
    shown = np.argsort(-loads, kind="stable")[:_MOST_GROUNDS].tolist()
    highest = int(staffing.need[shown].max(initial=1))
    with rc_context(_STYLE):
        figure = Figure(figsize=(13, 2.5 * len(shown) + 0.9), layout="constrained")
        panels = figure.subplots(len(shown), 2, squeeze=False, width_ratios=(1.1, 1))
        for row, number in enumerate(shown):
            ground, need = staffing.grounds[number], staffing.need[number]
            heat, week = panels[row]
            _heat_map(heat, need, highest)
            heat.set_title(f"{ground.name}, {ground.unit_type}", loc="left", fontsize=10)
            _week(week, need, ground.load, None if rosters is None else rosters[number])
        panels[-1][0].set_xlabel("local hour")
        handles, labels = panels[0][1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=3, frameon=False)
        asked = staffing.question
        level = (
            f"utilisation {asked.levels.utilisation:g}"
            if asked.method == "frequency"
            else f"safety {asked.levels.safety:g}"
        )
        left_out = len(loads) - len(shown)
        more = f"; the {len(shown)} grounds with the largest load, {left_out} not shown"
        figure.suptitle(
            f"{staffing.scenario.settings.name}: vehicles needed by hour and weekday, "
            f"{asked.method}, {level}{more if left_out else ''}"
        )
        buffer = io.BytesIO()
        metadata: dict[str, str | None] = {"Date": None} if kind == "svg" else {"Software": None}
        metadata["Title"] = FIGURE_TITLE
        figure.savefig(buffer, format=kind, dpi=120, metadata=metadata)
    return buffer.getvalue()


def _heat_map(axes: Axes, need: NDArray[np.int64], highest: int) -> None:
    colours = colormaps["Blues"].resampled(highest + 1)
    norm = BoundaryNorm(np.arange(-0.5, highest + 1.5), highest + 1)
    table = need.reshape(7, 24)
    axes.imshow(table, cmap=colours, norm=norm, aspect="auto")
    for day, hour in np.ndindex(7, 24):
        count = int(table[day, hour])
        shade = "white" if count > 0.6 * highest else "#333333"
        axes.text(hour, day, str(count), ha="center", va="center", fontsize=8, color=shade)
    axes.set_xticks(range(0, 24, 3))
    axes.set_yticks(range(7), WEEKDAYS)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _week(
    axes: Axes, need: NDArray[np.int64], load: NDArray[np.float64], roster: Roster | None
) -> None:
    edges = np.arange(WEEK_H + 1)
    top = int(need.max())
    axes.stairs(need, edges, fill=True, color="#9ecae1", label="needed")
    axes.plot(edges[:-1] + 0.5, load, color="#555555", lw=1, label="mean at work")
    if roster is not None:
        axes.stairs(roster.covered, edges, baseline=None, color="#e6550d", lw=1.5, label="on shift")
        top = max(top, int(roster.covered.max()))
    axes.set_xticks(range(0, WEEK_H, 24), WEEKDAYS, ha="left")
    axes.set(xlim=(0, WEEK_H), ylim=(0, top + 0.5))
    axes.set_yticks(range(0, top + 1, max(1, top // 5)))
    axes.set_ylabel("vehicles")
