"""Picture of a calibration: predicted against observed times of held-out trips."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenarios.trip_errors import Predicted

_COLOURS: Final = {"normal": "#08519c", "siren": "#e6550d"}
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "bluelight",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def prediction_figure(held_out: Mapping[str, Predicted], kind: str) -> bytes:
    """Draw predicted against observed times before and after, side by side.

    Parameters
    ----------
    held_out : mapping of str to Predicted
        The held-out trips of each profile.
    kind : str
        ``png`` or ``svg``.

    Returns
    -------
    bytes
        The picture; times only, no places.
    """
    pooled = np.concatenate(
        [np.concatenate([t.observed_s, t.before_s, t.after_s]) for t in held_out.values()]
    )
    low, high = pooled.min() / 60 / 1.1, pooled.max() / 60 * 1.1
    with rc_context(_STYLE):
        figure = Figure(figsize=(9.6, 5.3), layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, title, field in zip(
            panels, ("before", "after"), ("before_s", "after_s"), strict=True
        ):
            line = np.array([low, high])
            axes.fill_between(line, line / 1.2, line * 1.2, color="#eeeeee", lw=0)
            axes.plot(line, line, color="#999999", lw=1)
            off = []
            for profile, trips in held_out.items():
                predicted = getattr(trips, field)
                off.append(np.abs(predicted - trips.observed_s))
                axes.scatter(
                    trips.observed_s / 60,
                    predicted / 60,
                    s=9,
                    alpha=0.5,
                    lw=0,
                    color=_COLOURS[profile],
                    label=f"{profile} trips",
                )
            axes.set(
                title=f"{title}: mean absolute error {np.concatenate(off).mean():.0f} s",
                xlabel="observed, minutes",
                xscale="log",
                yscale="log",
                xlim=(low, high),
                ylim=(low, high),
            )
            axes.set_box_aspect(1)
            axes.xaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_major_formatter("{x:g}")
        panels[0].set_ylabel("predicted, minutes (band: ± 20 %)")
        panels[1].legend(loc="upper left", frameon=False)
        buffer = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=120, metadata=metadata)
    return buffer.getvalue()
