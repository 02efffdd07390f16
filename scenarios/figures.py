"""Pictures of reports: coverage maps and response-time curves, as inline images."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from scenarios.package import lonlat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from routing.isochrones import Isochrone
    from scenarios.package import Scenario

# Blue holds the standard, orange does not; both ramps keep their order in grey and
# for the common colour-vision deficiencies.
_WITHIN: Final = ("#08519c", "#3182bd", "#9ecae1")
_BEYOND: Final = ("#fdae6b", "#e6550d", "#7f2704")
_LINES: Final = ("#555555", "#08519c", "#e6550d", "#31a354", "#756bb1", "#8c6d31")
_MAIN_ROADS: Final = ("motorway", "trunk", "primary", "secondary")
STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "bluelight",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class MapView:
    """What one coverage map shows.

    Parameters
    ----------
    title : str
        Heading of the map.
    scenario : Scenario
        The city and its stations.
    drive_s : ndarray of float64, shape (zones,)
        Seconds from the nearest staffed station to each zone, or other seconds of each;
        zones with NaN are not drawn.
    """

    title: str
    scenario: Scenario
    drive_s: NDArray[np.float64]


def coverage_maps(views: Sequence[MapView], budget_s: float) -> str:
    """Draw demand zones by drive time, for a page.

    Parameters
    ----------
    views : sequence of MapView
        As of `coverage_figure`.
    budget_s : float
        As of `coverage_figure`.

    Returns
    -------
    str
        A PNG as a data URI.
    """
    return data_uri(coverage_figure(views, budget_s), "png")


def coverage_figure(views: Sequence[MapView], budget_s: float) -> Figure:
    """Draw demand zones by drive time from the nearest station, side by side.

    Parameters
    ----------
    views : sequence of MapView
        One map each, of one city.
    budget_s : float
        Drive time in seconds that the response standard leaves; colours turn there.

    Returns
    -------
    Figure
        The maps.
    """
    edges = [0.0, budget_s / 2, budget_s * 0.8, budget_s, budget_s * 1.25, budget_s * 2, np.inf]
    colours = ListedColormap((*_WITHIN, *_BEYOND))
    norm = BoundaryNorm([*edges[:-1], 1e9], colours.N)
    aspect, box = _frame(views[0].scenario)
    with rc_context(STYLE):
        height = min(8.0, 6.2 * aspect + 0.9)
        figure = Figure(figsize=(6.4 * len(views), height), layout="constrained")
        for axes, view in zip(figure.subplots(1, len(views), squeeze=False)[0], views, strict=True):
            _draw_roads(axes, view.scenario)
            place = lonlat(view.scenario.zones)
            weight = view.scenario.zone_weight
            size = 6 + 90 * np.sqrt(weight / weight.max())
            axes.scatter(*place.T, s=size, c=view.drive_s, cmap=colours, norm=norm, lw=0, zorder=2)
            station = lonlat(view.scenario.stations)
            axes.scatter(*station.T, s=130, marker="^", c="#ffd92f", ec="black", lw=1.2, zorder=3)
            axes.set(title=view.title, xlim=box[0], ylim=box[1], xticks=[], yticks=[])
            axes.set_aspect(1 / np.cos(np.radians(np.mean(box[1]))))
            axes.spines[:].set_visible(False)
        handles = [
            figure.axes[0].scatter([], [], s=60, color=colours(i), label=_band(edges, i))
            for i in range(colours.N)
        ]
        handles.append(
            figure.axes[0].scatter(
                [], [], s=90, marker="^", c="#ffd92f", ec="black", label="station"
            )
        )
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=4 if len(views) == 1 else len(handles),
            frameon=False,
        )
        return figure


def response_curves(curves: Mapping[str, Sequence[NDArray[np.float64]]], limit_s: float) -> str:
    """Draw the share of incidents reached by each time, with the spread of replications.

    Parameters
    ----------
    curves : mapping of str to sequence of ndarray of float64
        For each label the response times in seconds, one array a replication.
    limit_s : float
        The standard's limit in seconds, drawn as a line.

    Returns
    -------
    str
        An SVG as a data URI.
    """
    pooled = np.concatenate([np.zeros(0), *(times for runs in curves.values() for times in runs)])
    pooled = pooled[np.isfinite(pooled)]
    top = max(limit_s * 1.6, float(np.quantile(pooled, 0.985))) if len(pooled) else limit_s * 1.6
    grid = np.linspace(0, top, 241)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.axvline(limit_s / 60, color="#999999", ls="--", lw=1)
        axes.annotate(
            f"limit {limit_s / 60:g} min", (limit_s / 60, 1), (4, -11), textcoords="offset points"
        )
        for colour, (label, runs) in zip(_LINES * len(curves), curves.items(), strict=False):
            shares = np.array(
                [np.searchsorted(np.sort(t), grid, "right") / len(t) for t in runs if len(t)]
            )
            if not len(shares):
                continue
            axes.fill_between(
                grid / 60,
                *np.quantile(shares, (0.025, 0.975), axis=0),
                color=colour,
                alpha=0.18,
                lw=0,
            )
            axes.plot(grid / 60, shares.mean(axis=0), color=colour, lw=2, label=label)
        axes.set(
            xlabel="minutes from the call",
            ylabel="share of incidents reached",
            xlim=(0, top / 60),
            ylim=(0, 1),
        )
        axes.grid(alpha=0.25)
        if len(pooled):
            axes.legend(loc="lower right", frameon=False)
        return data_uri(figure, "svg")


class HourPanel(NamedTuple):
    """A figure by hour of the day.

    Parameters
    ----------
    label : str
        What it is.
    value, low, high : ndarray of float64, shape (24,)
        Its value and interval in each hour, NaN where there is none.
    """

    label: str
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def hour_profile(panels: Sequence[HourPanel]) -> str:
    """Draw figures by hour of the day, one above the other.

    Parameters
    ----------
    panels : sequence of HourPanel
        At least one.

    Returns
    -------
    str
        An SVG as a data URI.
    """
    edges = np.arange(25)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 1.9 * len(panels) + 0.5), layout="constrained")
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(rows, panels, strict=True):
            # an hour is a span, so that values are steps and not points
            low, high, value = (
                np.append(each, each[-1:]) for each in (panel.low, panel.high, panel.value)
            )
            axes.fill_between(edges, low, high, step="post", color=_WITHIN[0], alpha=0.18, lw=0)
            axes.step(edges, value, where="post", color=_WITHIN[0], lw=2)
            top = np.nanmax([*panel.high, *panel.value, 0.0])
            axes.set(ylim=(0, 1.08 * top if top > 0 else 1), xlim=(0, 24), xticks=range(0, 25, 3))
            axes.set_title(panel.label, loc="left", fontsize=10)
            axes.grid(alpha=0.25)
        rows[-1].set_xlabel("local hour of the day")
        return data_uri(figure, "svg")


def isochrone_map(
    scenario: Scenario, isochrones: Sequence[Isochrone], places: NDArray[np.float64]
) -> bytes:
    """Draw isochrones over the roads.

    Parameters
    ----------
    scenario : Scenario
        The city.
    isochrones : sequence of Isochrone
        By rising limit, at least one.
    places : ndarray of float64, shape (p, 2)
        Lon, lat of the places they belong to.

    Returns
    -------
    bytes
        A PNG.
    """
    corners = np.vstack([places, np.reshape(isochrones[-1].polygon.bounds, (2, 2))])
    aspect, box = _box(corners)
    shades = colormaps["viridis"](np.linspace(0.15, 0.95, len(isochrones)))[:, :3]
    with rc_context(STYLE):
        # a map of any shape, neither a ribbon nor a tower
        figure = Figure(figsize=(9, 9 * min(max(aspect, 0.4), 2) + 0.6), layout="constrained")
        axes = figure.subplots()
        for one, shade in reversed(list(zip(isochrones, shades, strict=True))):
            outline = Path.make_compound_path(
                *(
                    Path(np.asarray(ring.coords), closed=True)
                    for part in one.polygon.geoms
                    for ring in (part.exterior, *part.interiors)
                )
            )
            label = f"{one.limit_s / 60:g} min"
            pale = 1 - 0.6 * (1 - shade)  # opaque, so that the legend holds on every ring
            axes.add_patch(PathPatch(outline, fc=pale, ec=shade, lw=0.8, zorder=0, label=label))
        _draw_roads(axes, scenario)
        axes.scatter(
            places[:, 0], places[:, 1], s=110, marker="^", c="#ffd92f", ec="black", lw=1.2, zorder=3
        )
        axes.set(xlim=box[0], ylim=box[1], xticks=[], yticks=[])
        axes.set_aspect(1 / np.cos(np.radians(np.mean(box[1]))))
        axes.spines[:].set_visible(False)
        sources = "; ".join(source["title"] for source in scenario.origin.get("sources", []))
        axes.set_title(sources, loc="right", fontsize=7, color="#555555")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles[::-1], labels[::-1], loc="outside lower center", ncols=8, frameon=False
        )
        return image(figure, "png")


def _band(edges: Sequence[float], index: int) -> str:
    low, high = edges[index] / 60, edges[index + 1] / 60
    return f"over {low:.1f} min" if np.isinf(high) else f"{low:.1f} to {high:.1f}"


def _frame(scenario: Scenario) -> tuple[float, tuple[tuple[float, float], tuple[float, float]]]:
    """Return height over width and the lon and lat ranges that hold the demand."""
    return _box(np.vstack([lonlat(scenario.zones), lonlat(scenario.stations)]))


def _box(
    place: NDArray[np.float64],
) -> tuple[float, tuple[tuple[float, float], tuple[float, float]]]:
    low, high = place.min(axis=0), place.max(axis=0)
    margin = np.maximum(0.03 * (high - low), 0.002)
    low, high = low - margin, high + margin
    width = (high[0] - low[0]) * np.cos(np.radians((low[1] + high[1]) / 2))
    aspect = float((high[1] - low[1]) / width)
    return aspect, ((float(low[0]), float(high[0])), (float(low[1]), float(high[1])))


def _draw_roads(axes: Axes, scenario: Scenario) -> None:
    network = scenario.network
    start = np.flatnonzero(network.vertex_way >= 0)
    if not len(start):
        return
    lines = np.stack([network.vertex_lonlat[start], network.vertex_lonlat[start + 1]], axis=1)
    main_class = np.array(
        [name.removesuffix("_link") in _MAIN_ROADS for name in network.class_names]
    )
    main = main_class[network.way_class[network.vertex_way[start]]]
    for part, colour, width in ((~main, "#c4c4c4", 0.5), (main, "#8f8f8f", 1.0)):
        axes.add_collection(
            LineCollection(list(lines[part]), colors=colour, linewidths=width, zorder=1)
        )


def image(figure: Figure, kind: str, title: str | None = None) -> bytes:
    """Write a figure.

    Parameters
    ----------
    figure : Figure
        The figure.
    kind : str
        ``png`` or ``svg``.
    title : str, optional
        What the file calls itself, near its beginning; nobody sees it in the picture.

    Returns
    -------
    bytes
        The file, the same for the same figure.
    """
    buffer = io.BytesIO()
    metadata = {
        "Date" if kind == "svg" else "Software": None,
        **({"Title": title} if title else {}),
    }
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=120, metadata=metadata)
    return buffer.getvalue()


def data_uri(figure: Figure, kind: str) -> str:
    """Write a figure for a page.

    Parameters
    ----------
    figure : Figure
        The figure.
    kind : str
        ``png`` or ``svg``.

    Returns
    -------
    str
        The file as a data URI.
    """
    mime = "svg+xml" if kind == "svg" else kind
    return f"data:image/{mime};base64,{base64.b64encode(image(figure, kind)).decode('ascii')}"
