"""The simulation benchmark as tables and as a picture."""

from __future__ import annotations

import io
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from api.output import table
from benchmarks.bars import bar_lines
from benchmarks.simulation_cases import OURS

_WIDTH: Final = 8.0
_PER_ROW: Final = 0.3


def lines_of(document: dict[str, Any]) -> list[str]:
    """Lay out what was measured.

    Parameters
    ----------
    document : dict
        As `benchmarks.simulation.measure` makes it.

    Returns
    -------
    list of str
        Lines.
    """
    seated = [name for name, each in document["contestants"].items() if "missing" not in each]
    lines = table(
        ["<incidents a second", "incidents", "units", *seated, f"{OURS}, alone"],
        [
            (
                case["name"],
                f"{case['incidents']:,}",
                case["units"],
                *(_rate(case["answers"].get(name)) for name in seated),
                f"{case['alone']['rate']:,.0f}",
            )
            for case in document["cases"]
        ],
    )
    firsts = [
        f"{case['name']}: {name} {case['incidents'] / each['first_s']:,.0f}"
        for case in document["cases"]
        for name, each in case["answers"].items()
        if each["first_s"]
    ]
    if firsts:
        lines.append(f"without ways home kept from an earlier run: {', '.join(firsts)}")
    if document["cities"]:
        lines += ["", *_cities(document["cities"])]
    lines += [
        "CPU time, least of the rounds; alone: more incidents, of which peers play the first",
        "",
        *bar_lines(document["bars"]),
        "",
    ]
    for name, each in document["contestants"].items():
        if "missing" in each:
            lines.append(f"{name} is left out: {each['missing']}")
        elif each["note"]:
            lines.append(f"{name}: {each['note']}")
    if document.get("skipped"):
        lines.append(f"left out for want of reference data: {', '.join(document['skipped'])}")
    wrong = [f"wrong: {each}" for each in document["wrong"]]
    return [*lines, *(wrong or ["all responses equal: yes"]), ""]


def _cities(cities: list[dict[str, Any]]) -> list[str]:
    return table(
        ["<seconds", "incidents", "units", "drawing", "no log", "log", "log and file", "MB"],
        [
            (
                city["name"],
                f"{city['incidents']:,}",
                city["units"],
                *(f"{city['min_s'][key]:.3f}" for key in ("drawing", "bare", "logged", "written")),
                f"{city['log_bytes'] / 1e6:.1f}",
            )
            for city in cities
        ],
    )


def draw(document: dict[str, Any]) -> bytes:
    """Draw incidents a second of every contestant, a panel for each fleet.

    Parameters
    ----------
    document : dict
        As `benchmarks.simulation.measure` makes it.

    Returns
    -------
    bytes
        SVG; the same for the same document.
    """
    cases = document["cases"]
    heights = [len(case["answers"]) + 2 for case in cases]
    # ids of elements would differ from run to run
    with mpl.rc_context({"svg.hashsalt": "bluelight", "svg.fonttype": "none"}):
        figure = Figure(figsize=(_WIDTH, 1 + _PER_ROW * sum(heights)), layout="constrained")
        grid = figure.subplots(
            max(1, len(cases)), squeeze=False, sharex=True, height_ratios=heights or None
        )
        for axes, case in zip(grid[:, 0], cases, strict=False):
            names = list(case["answers"])
            rates = [case["answers"][name]["rate"] for name in names]
            colours = ["C0" if name == OURS else "0.6" for name in names]
            bars = axes.barh(range(len(names)), rates, color=colours)
            axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=3, fontsize=7)
            axes.set_yticks(range(len(names)), names, fontsize=8)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_title(case["name"], fontsize=9, loc="left")
            axes.set_xscale("log")
            axes.margins(x=0.15)
        grid[-1, 0].set_xlabel("incidents a second, one core")
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _rate(answer: dict[str, Any] | None) -> str | None:
    return None if answer is None else f"{answer['rate']:,.0f}"
