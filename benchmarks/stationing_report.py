"""The stationing benchmark as a table and as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from api.output import table
from benchmarks.bars import bar_lines
from benchmarks.stationing_cases import GROWING
from benchmarks.stationing_peers import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH: Final = 9.0
_PER_ROW: Final = 0.24
_FACTOR: Final = 1.6


def lines_of(document: dict[str, Any]) -> list[str]:
    """Lay out what was measured.

    Parameters
    ----------
    document : dict
        As `benchmarks.stationing.measure` makes it.

    Returns
    -------
    list of str
        Lines.
    """
    seated = [name for name, each in document["contestants"].items() if "missing" not in each]
    lines = table(
        ["<case", "<model", "sites", "demand", "k", "known", "objective", "gap", *seated],
        [
            (
                case["name"],
                case["model"],
                f"{case['sites']:,}",
                f"{case['demand']:,}",
                case["k"],
                None if case["known"] is None else f"{case['known']:.10g}",
                _number(case["answers"].get(OURS, {}).get("objective")),
                _gap(case["answers"].get(OURS, {})),
                *(_seconds(case["answers"].get(name)) for name in seated),
            )
            for case in document["cases"]
        ],
    )
    lines += [
        "seconds, single runs; > not proven in that time, x no plan",
        "objective and gap are ours; every plan's objective is computed anew",
        "",
        *bar_lines(document["bars"]),
        "",
    ]
    for name, each in document["contestants"].items():
        if "missing" in each:
            lines.append(f"{name} is left out: {each['missing']}")
        elif each["note"]:
            lines.append(f"{name}: {each['note']}")
    skipped = document.get("skipped", [])
    if skipped:
        lines.append(f"left out for want of reference data: {', '.join(skipped)}")
    lost = [
        f"no plan: {case['name']}, {name}: {answer['lost']}"
        for case in document["cases"]
        for name, answer in case["answers"].items()
        if "lost" in answer
    ]
    wrong = [f"wrong: {each}" for each in document["wrong"]]
    return [*lines, *lost, *(wrong or ["all plans are worth what they say: yes"]), ""]


def draw(document: dict[str, Any]) -> bytes:
    """Draw the seconds of every case, a panel for each model of growing sizes and family.

    Parameters
    ----------
    document : dict
        As `benchmarks.stationing.measure` makes it.

    Returns
    -------
    bytes
        SVG; the same for the same document.
    """
    panels: dict[str, list[dict[str, Any]]] = {}
    for case in document["cases"]:
        growing = case["family"] == GROWING
        title = f"{case['model']}, growing" if growing else str(case["family"])
        panels.setdefault(title, []).append(case)
    names = [name for name, each in document["contestants"].items() if "missing" not in each]
    heights = [len(cases) + 2 for cases in panels.values()]
    # ids of elements would differ from run to run
    with mpl.rc_context({"svg.hashsalt": "bluelight", "svg.fonttype": "none"}):
        figure = Figure(figsize=(_WIDTH, 1 + _PER_ROW * sum(heights)), layout="constrained")
        grid = figure.subplots(
            max(1, len(panels)), squeeze=False, sharex=True, height_ratios=heights or None
        )
        for axes, (title, cases) in zip(grid[:, 0], panels.items(), strict=False):
            _panel(axes, title, cases, names)
        grid[-1, 0].set_xlabel("seconds; an arrow: not proven until then")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _panel(axes: Axes, title: str, cases: list[dict[str, Any]], names: list[str]) -> None:
    for place, name in enumerate(names):
        rows = [
            (row, case["answers"][name])
            for row, case in enumerate(cases)
            if case["answers"].get(name, {}).get("seconds")
        ]
        axes.plot(
            [answer["seconds"] for _, answer in rows],
            [row for row, _ in rows],
            "o",
            color=f"C{place}",
            markersize=5,
            label=name,
        )
        for row, answer in rows:
            if not answer["proven"]:
                axes.annotate(
                    "",
                    (answer["seconds"] * _FACTOR, row),
                    (answer["seconds"], row),
                    arrowprops={"arrowstyle": "->", "color": f"C{place}"},
                )
    axes.set_xscale("log")
    axes.set_yticks(range(len(cases)), [case["name"] for case in cases], fontsize=7)
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.set_title(title, fontsize=9, loc="left")
    axes.grid(axis="x", alpha=0.3)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"


def _gap(answer: dict[str, Any]) -> str | None:
    if answer.get("proven"):
        return "proven"
    gap = answer.get("gap")
    return None if gap is None else f"{100 * gap:.3f} %"


def _seconds(answer: dict[str, Any] | None) -> str | None:
    if answer is None:
        return None
    if answer["objective"] is None or answer["wrong"]:
        return "x" if answer["objective"] is None else "wrong"
    return ("" if answer["proven"] else ">") + f"{answer['seconds']:.2f}"
