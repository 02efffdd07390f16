"""The leaderboard of policies as tables and as a picture."""

from __future__ import annotations

import io
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from api.output import table
from benchmarks.bars import bar_lines

_OURS: Final = "foresight"
_BASE: Final = "closest"
_WIDTH: Final = 8.0
_PER_ROW: Final = 0.19


def lines_of(document: dict[str, Any]) -> list[str]:
    """Lay out what was measured, city by city.

    Parameters
    ----------
    document : dict
        As `benchmarks.policies.measure` makes it.

    Returns
    -------
    list of str
        Lines.
    """
    lines: list[str] = []
    for city, cases in by_city(document).items():
        lines += [*_city(city, cases), ""]
    lines += [*_overall(document), ""]
    lines += [
        "late: share of incidents that a standard is for; moves: by unit and day",
        f"+s: mean response, seconds more than {_BASE}",
        "x bound: late arrivals over the bound of who lets nobody wait beside a free unit",
        "(x bound): the same of policies that it is no bound for",
        "* late more often than foresight, + less often: paired 95 % interval off zero",
        "",
        *bar_lines(document["bars"]),
        "",
    ]
    lines += [
        f"{case['name']}: no bound: {case['no_bound']}"
        for case in document["scenarios"]
        if case["no_bound"]
    ]
    if document.get("skipped"):
        lines.append(f"left out for want of reference data: {', '.join(document['skipped'])}")
    return [*lines, *(f"wrong: {each}" for each in document["wrong"])]


def by_city(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Gather scenarios by city.

    Parameters
    ----------
    document : dict
        As `benchmarks.policies.measure` makes it.

    Returns
    -------
    dict
        Scenarios of each city, in their order.
    """
    cities: dict[str, list[dict[str, Any]]] = {}
    for case in document["scenarios"]:
        cities.setdefault(case["city"], []).append(case)
    return cities


def _city(city: str, cases: list[dict[str, Any]]) -> list[str]:
    bounded = any(case["bound"] for case in cases)
    head = [f"<{city}, {cases[0]['units']} units"]
    for case in cases:
        head += [f"{case['load']}: late", "+s", "moves", *(["x bound"] if bounded else [])]
    rows = []
    for name in cases[0]["policies"]:
        row = [name]
        for case in cases:
            each = case["policies"][name]
            base = case["policies"][_BASE]
            row += [
                f"{each['late']['value']:.1%}{_mark(each)}",
                f"{each['mean_s']['value'] - base['mean_s']['value']:+.0f}",
                f"{each['moves']['value']:.1f}",
            ]
            if bounded:
                beside = each["bound"] and each["bound"]["at_once"]
                ratio = beside["ratio"] if beside else None
                text = "" if ratio is None else f"{ratio:.2f}"
                row.append(text if not beside or beside["holds"] else f"({text})")
        rows.append(tuple(row))
    return table(head, rows)


def _mark(each: dict[str, Any]) -> str:
    """Tell whether ours is better or worse beyond chance."""
    if each["ours_minus"] is None:
        return ""
    low, high = (each["ours_minus"]["late"][end] for end in ("low", "high"))
    if low is None:
        return ""
    return "*" if high < 0 else "+" if low > 0 else ""


def overall(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Sum up each policy over all scenarios.

    Parameters
    ----------
    document : dict
        As `benchmarks.policies.measure` makes it.

    Returns
    -------
    list of dict
        ``policy``, ``late``, ``mean`` and ``p90``: means over scenarios of the ratio to
        the base; ``survivors``: mean difference a year; ``moves`` and ``kilometres`` by
        unit and day; ``worse`` and ``better``: scenarios in which ours is late less
        often, and more often, beyond chance; ``decision_ms``: the slowest hundredth,
        worst scenario.
    """
    cases = document["scenarios"]

    def _ratio(name: str, key: str) -> float:
        pairs = [
            (case["policies"][name][key]["value"], case["policies"][_BASE][key]["value"])
            for case in cases
        ]
        known = [one / base for one, base in pairs if base]
        return sum(known) / len(known) if known else 1.0

    def _mean(name: str, key: str) -> float:
        return sum(float(case["policies"][name][key]["value"]) for case in cases) / len(cases)

    rows = []
    for name in cases[0]["policies"] if cases else ():
        marks = [_mark(case["policies"][name]) for case in cases]
        rows.append(
            {
                "policy": name,
                "late": _ratio(name, "late"),
                "mean": _ratio(name, "mean_s"),
                "p90": _ratio(name, "p90_s"),
                "survivors": _mean(name, "survivors") - _mean(_BASE, "survivors"),
                "moves": _mean(name, "moves"),
                "kilometres": _mean(name, "kilometres"),
                "worse": marks.count("*"),
                "better": marks.count("+"),
                "decision_ms": max(case["policies"][name]["decision_ms"]["p99"] for case in cases),
            }
        )
    return sorted(rows, key=lambda row: row["late"])


def _overall(document: dict[str, Any]) -> list[str]:
    return table(
        [
            f"<all {len(document['scenarios'])} scenarios",
            f"late / {_BASE}",
            "mean",
            "p90",
            "lives a year",
            "moves",
            "km",
            "ours better",
            "ours worse",
            "p99 ms",
        ],
        [
            (
                row["policy"],
                f"{row['late']:.3f}",
                f"{row['mean']:.3f}",
                f"{row['p90']:.3f}",
                f"{row['survivors']:+.2f}",
                f"{row['moves']:.1f}",
                f"{row['kilometres']:.0f}",
                "" if row["policy"] == _OURS else row["worse"],
                "" if row["policy"] == _OURS else row["better"],
                f"{row['decision_ms']:.2f}",
            )
            for row in overall(document)
        ],
    )


def draw(document: dict[str, Any]) -> bytes:
    """Draw the late share of every policy with its interval, a panel for each scenario.

    Parameters
    ----------
    document : dict
        As `benchmarks.policies.measure` makes it.

    Returns
    -------
    bytes
        SVG; the same for the same document.
    """
    cities = by_city(document)
    columns = max((len(cases) for cases in cities.values()), default=1)
    names = [row["policy"] for row in overall(document)]
    height = 1 + len(cities) * (_PER_ROW * len(names) + 0.5)
    # ids of elements would differ from run to run
    with mpl.rc_context({"svg.hashsalt": "bluelight", "svg.fonttype": "none"}):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        grid = figure.subplots(max(1, len(cities)), columns, squeeze=False, sharey=True)
        for row, cases in zip(grid, cities.values(), strict=False):
            for axes, case in zip(row, cases, strict=False):
                for place, name in enumerate(names):
                    late = case["policies"][name]["late"]
                    colour = "C3" if name == _OURS else "0.3" if name == _BASE else "C0"
                    ends = [late["low"], late["high"]]
                    if None not in ends:
                        axes.plot([100 * end for end in ends], [place, place], color=colour)
                    axes.plot(100 * late["value"], place, "o", color=colour, markersize=3)
                axes.set_title(case["name"], fontsize=7, loc="left")
                axes.tick_params(labelsize=6)
                axes.grid(axis="x", alpha=0.3)
        grid[0, 0].set_yticks(range(len(names)), names)
        grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
        for axes in grid[-1]:
            axes.set_xlabel("late, %", fontsize=7)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
