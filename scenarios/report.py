"""Reports that people read: one page, with pictures, that opens without a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError
from scenarios import run_sections
from scenarios.coverage import drive_budget_s, drive_from_stations_s
from scenarios.figures import MapView, coverage_maps, response_curves
from scenarios.hospital_waits import P90, WAITS
from scenarios.packaging import ATTRIBUTION
from scenarios.page import Cell, render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scenarios.compare import Comparison
    from scenarios.package import Scenario
    from scenarios.runs import RunResult
    from scenarios.settings import Standard

_SMALL_DISTRICT: Final = 0.005
"""Districts with a smaller share of the incidents than this are left to summary.json."""

_NOTHING: Final = "–"
_WHOLE: Final = "all incidents"


@dataclass(frozen=True)
class _Figure:
    """How an estimate of a summary is told."""

    label: str
    unit: str = ""
    scale: float = 1.0
    digits: int = 1
    more_is_better: bool | None = False

    def value(self, said: Mapping[str, Any]) -> str:
        return self._text(said, f",.{self.digits}f", self.unit)

    def change(self, said: Mapping[str, Any]) -> str:
        return self._text(said, f"+,.{self.digits}f", " points" if self.unit == " %" else self.unit)

    def _text(self, said: Mapping[str, Any], form: str, unit: str) -> str:
        return _NOTHING if said["value"] is None else f"{said['value'] * self.scale:{form}}{unit}"

    def interval(self, said: Mapping[str, Any], form: str = ",") -> str:
        if said["low"] is None:
            return str(said.get("reason", ""))
        low, high = (f"{said[end] * self.scale:{form}.{self.digits}f}" for end in ("low", "high"))
        return f"{low} to {high}"

    def tone(self, said: Mapping[str, Any]) -> str:
        """Colour a difference only where its interval leaves zero out."""
        if self.more_is_better is None or said["low"] is None or said["low"] <= 0 <= said["high"]:
            return ""
        return "better" if (said["value"] > 0) == self.more_is_better else "worse"

    def cell(self, said: Mapping[str, Any]) -> Cell:
        return Cell(self.value(said), self.interval(said))

    def change_cell(self, said: Mapping[str, Any]) -> Cell:
        return Cell(self.change(said), self.interval(said, "+,"), self.tone(said))


_RESPONSE: Final = _Figure("mean response", " min", 1 / 60, 2)
_LATE: Final = _Figure("90 % reached after", " min", 1 / 60, 2)
_SHARE: Final = _Figure("within the standard", " %", 100, more_is_better=True)
_LIVES: Final = _Figure("expected survivors a year", digits=2, more_is_better=True)
_KILOMETRES: Final = _Figure("kilometres a day", " km", digits=0)
_BUSY: Final = _Figure("units busy", " %", 100, more_is_better=None)
_WAIT: Final = _Figure("mean wait for a bay at hospital", " min", 1 / 60, 2)
_LONG_WAIT: Final = _Figure("90 % of crews have a bay after", " min", 1 / 60, 2)
_QUEUED: Final = _Figure("waited for a unit", " %", 100, 2)
_PARTS: Final = {
    "call_processing": "call processing",
    "queueing": "queueing",
    "turnout": "turnout",
    "travel": "travel",
}


def render_run_report(scenario: Scenario, result: RunResult) -> str:
    """Tell a run on one page.

    Parameters
    ----------
    scenario : Scenario
        What was simulated.
    result : RunResult
        The run.

    Returns
    -------
    str
        HTML that asks nothing of any network.
    """
    said = result.summary
    standard = scenario.settings.standards[0]
    cards = [
        _card(figure, estimate)
        for key, figure in _figures(standard).items()
        if (estimate := _find(said, key)) is not None
    ]
    sections = [
        _maps([(scenario.settings.name, scenario)], standard),
        _curves(
            {p.name: _responses(result, [p.name]) for p in scenario.settings.priorities}, standard
        ),
        run_sections.quantiles(result.table),
        _parts_section([("", said)]),
        run_sections.queues(result.table),
        run_sections.hours(result.table),
        run_sections.types(result.table, scenario.settings.standards),
        run_sections.response_map(scenario, result.table, standard),
        _district_section([("", said)], None, standard),
        run_sections.lives([("", said)]),
        _unit_section(said),
        *run_sections.hospitals(said, result.table),
    ]
    title = f"{scenario.settings.name} under {result.policy}"
    if scenario.hospital_policy:
        title += f", hospitals {scenario.hospital_policy}"
    notes = [*run_sections.steady(said.get("steady_state")), *_notes([(title, result)])]
    return render_page(title, _amount(result), cards, sections, notes)


def render_comparison_report(comparison: Comparison) -> str:
    """Tell a comparison on one page: each run, and its difference from the first.

    Parameters
    ----------
    comparison : Comparison
        Two runs or more on the same incidents.

    Returns
    -------
    str
        HTML that asks nothing of any network.
    """
    labels, runs = comparison.labels, comparison.runs
    base, settings = runs[0], runs[0].scenario.settings
    standard = settings.standards[0]
    figures = {
        key: figure
        for key, figure in _figures(standard).items()
        if key not in WAITS or key in base.summary
    }
    last = comparison.differences[-1]
    cards = [
        _difference_card(figure, change, _find(base.summary, key), _find(runs[-1].summary, key))
        for key, figure in figures.items()
        if (change := _find(last, key)) is not None
    ]
    ends = [(labels[0], base.summary), (labels[-1], runs[-1].summary)]
    sections = [
        _maps(_distinct_stations(comparison), standard),
        _curves(
            {
                label: _responses(run, standard.priorities)
                for label, run in zip(labels, runs, strict=True)
            },
            standard,
        ),
        _runs_section(comparison, figures),
        _parts_section([(label, r.summary) for label, r in zip(labels, runs, strict=True)]),
        _district_section(ends, last, standard),
        run_sections.lives(
            [(label, r.summary) for label, r in zip(labels, runs, strict=True)],
            comparison.differences,
        ),
    ]
    if "bound" in comparison.summary:
        sections.append(run_sections.best_possible(comparison.summary["bound"]))
    return render_page(
        f"{labels[-1]} against {labels[0]}",
        f"{settings.name}. {_amount(base)}, the same for all: differences are paired.",
        cards,
        sections,
        _notes(list(zip(labels, runs, strict=True))),
    )


def _figures(standard: Standard) -> dict[str, _Figure]:
    return {
        "response_mean": _RESPONSE,
        f"within:{standard.name}": _share_figure(standard),
        "response_p90": _LATE,
        "survivors_per_year": _LIVES,
        "kilometres_per_day": _KILOMETRES,
        "utilisation": _BUSY,
        "hospital_wait_mean": _WAIT,
        P90: _LONG_WAIT,
    }


def _share_figure(standard: Standard) -> _Figure:
    which = f", {' and '.join(standard.priorities)}" if standard.priorities else ""
    return replace(_SHARE, label=f"within {standard.name}{which}")


def _find(said: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    kind, _, name = key.partition(":")
    found: dict[str, Any] | None = said.get(kind, {}).get(name) if name else said.get(kind)
    return found


def _cell(figure: _Figure, said: Mapping[str, Any] | None) -> Cell:
    return Cell(_NOTHING) if said is None else figure.cell(said)


def _card(figure: _Figure, said: Mapping[str, Any]) -> dict[str, str]:
    return {"label": figure.label, "value": figure.value(said), "note": figure.interval(said)}


def _difference_card(
    figure: _Figure,
    change: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> dict[str, str]:
    card = {
        "label": figure.label,
        "value": figure.change(change),
        "note": figure.interval(change, "+,"),
    }
    if before is not None and after is not None:
        card["label"] += f": {figure.value(before)} → {figure.value(after)}"
    return card


def _maps(views: Sequence[tuple[str, Scenario]], standard: Standard) -> dict[str, Any]:
    heading = "Who is reached in time from the stations"
    try:
        budget = drive_budget_s(views[0][1], standard)
    except InputError as error:
        return {"heading": heading, "text": f"No map: {error.message}."}
    shown = [MapView(title, city, drive_from_stations_s(city)) for title, city in views]
    covered = [
        f"{title}: {100 * float(view.scenario.zone_weight[view.drive_s <= budget].sum()):.1f} %"
        for (title, _), view in zip(views, shown, strict=True)
    ]
    return {
        "heading": heading,
        "text": (
            f"Each dot is a demand zone, as large as its demand, coloured by the drive with siren "
            f"from the nearest station that has a unit. The standard leaves {budget / 60:.1f} "
            "minutes of drive after call processing and turnout: blue is within, orange beyond. "
            f"Share of demand within, if a unit were always free: {'; '.join(covered)}."
        ),
        "image": coverage_maps(shown, budget),
        "alt": "Maps of demand zones by drive time from the nearest station",
    }


def _curves(
    curves: Mapping[str, Sequence[NDArray[np.float64]]], standard: Standard
) -> dict[str, Any]:
    return {
        "heading": "Response-time curves",
        "text": "Share of incidents that a unit has reached after so many minutes; the band holds "
        "95 % of the replications.",
        "image": response_curves(curves, standard.limit_s),
        "alt": "Share of incidents reached against minutes from the call",
    }


def _responses(run: RunResult, priorities: Sequence[str]) -> list[NDArray[np.float64]]:
    frame = run.incidents
    if priorities:
        frame = frame[frame["priority"].isin(list(priorities))]
    # those that nobody came to never count as reached
    times = frame["response_time"].fillna(np.inf)
    return [part.to_numpy(np.float64) for _, part in times.groupby(frame["replication"])]


def _parts_section(told: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    rows = []
    for label, said in told:
        parts = {_WHOLE: said} | dict(said["by_priority"])
        for name, part in parts.items():
            first = Cell(f"{label}: {name}" if label else name)
            cells = [_RESPONSE.cell(part[key]) for key in ("response_mean", *_PARTS)]
            rows.append([first, *cells, _QUEUED.cell(part["queued_share"])])
    return {
        "heading": "Where the time goes",
        "text": "Mean minutes of each part of the response, with 95 % intervals.",
        "table": {
            "head": ["", "response", *_PARTS.values(), _QUEUED.label],
            "rows": rows,
        },
    }


def _runs_section(comparison: Comparison, figures: Mapping[str, _Figure]) -> dict[str, Any]:
    base = comparison.runs[0].summary
    rows = [
        [Cell(comparison.labels[0]), *(_cell(f, _find(base, key)) for key, f in figures.items())]
    ]
    others = zip(comparison.labels[1:], comparison.runs[1:], comparison.differences, strict=True)
    for label, run, changes in others:
        cells = [Cell(label)]
        for key, figure in figures.items():
            said, change = _find(run.summary, key), _find(changes, key)
            if said is None or change is None:
                cells.append(Cell(_NOTHING))
                continue
            text = f"{figure.value(said)} ({figure.change(change)})"
            cells.append(replace(figure.change_cell(change), text=text))
        rows.append(cells)
    return {
        "heading": "All runs",
        "text": f"In brackets the paired difference from {comparison.labels[0]}, with its 95 % "
        "interval beside it; coloured where zero lies outside.",
        "table": {"head": ["", *(f.label for f in figures.values())], "rows": rows},
    }


def _district_section(
    told: Sequence[tuple[str, Mapping[str, Any]]],
    changes: Mapping[str, Any] | None,
    standard: Standard,
) -> dict[str, Any]:
    counts: Mapping[str, int] = told[0][1]["incidents"]["by_district"]
    total = sum(counts.values())
    shown = [d for d in sorted(counts, key=lambda d: (-counts[d], d)) if counts[d] > 0]
    large = [d for d in shown if counts[d] >= _SMALL_DISTRICT * total]
    head = ["district", "incidents"]
    for label, _ in told:
        head += [f"{label} {what}".strip() for what in ("mean response", "within standard")]
    if changes is not None:
        head += ["change in mean response", "change in share within"]
    within = f"within:{standard.name}"
    rows = []
    for district in large:
        row = [Cell(district), Cell(f"{counts[district]:,}")]
        for _, said in told:
            row += _pair(said["by_district"][district], within, changed=False)
        if changes is not None:
            row += _pair(changes["by_district"][district], within, changed=True)
        rows.append(row)
    left = (
        f" {len(shown) - len(large)} districts with under {100 * _SMALL_DISTRICT:g} % of the \
incidents each are in summary.json."
        if len(shown) > len(large)
        else ""
    )
    return {
        "heading": "By district",
        "text": f"Districts by number of incidents, with 95 % intervals.{left}",
        "table": {"head": head, "rows": rows},
    }


def _pair(part: Mapping[str, Any], within: str, *, changed: bool) -> list[Cell]:
    cells = []
    for figure, said in ((_RESPONSE, part["response_mean"]), (_SHARE, _find(part, within))):
        if said is None:
            cells.append(Cell(_NOTHING))
        else:
            cells.append(figure.change_cell(said) if changed else figure.cell(said))
    return cells


def _unit_section(said: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        [Cell(unit), _BUSY.cell(busy), _KILOMETRES.cell(said["kilometres_per_day_by_unit"][unit])]
        for unit, busy in said["utilisation_by_unit"].items()
    ]
    return {
        "heading": "By unit",
        "text": "Share of time on duty from alarm to free again, and what it drives.",
        "table": {"head": ["unit", "busy", "kilometres a day"], "rows": rows},
    }


def _distinct_stations(comparison: Comparison) -> list[tuple[str, Scenario]]:
    """Return each set of stations once, under the first label it has."""
    seen: dict[tuple[int, int], tuple[str, Scenario]] = {}
    for label, run in zip(comparison.labels, comparison.runs, strict=True):
        # under another hospital policy it is the same city
        key = (id(run.scenario.stations), id(run.scenario.units))
        seen.setdefault(key, (label, run.scenario))
    if len(seen) == 1:
        city = comparison.runs[0].scenario
        return [(city.settings.name, city)]
    return list(seen.values())


def _amount(run: RunResult) -> str:
    days = run.scenario.settings.horizon.days
    spans = f"{run.replications} × {days:g} days" if run.replications > 1 else f"{days:g} days"
    what = "recorded" if run.recorded else "simulated"
    return f"{len(run.incidents):,} {what} incidents in {spans}"


def _notes(runs: Sequence[tuple[str, RunResult]]) -> list[str]:
    first = runs[0][1]
    settings = first.scenario.settings
    level = f"{100 * first.summary['interval']['level']:g} %"
    held = [
        f"{label}: {standard['name']} asked for {100 * standard['share']:g} % is "
        f"{standard['verdict']}"
        for label, run in runs
        for standard in run.summary["standards"]
    ]
    sources = [f"{s.name}: {s.source}" for s in settings.standards if s.source]
    hashes = "; ".join(f"{label}: {run.scenario.hash[:12]}" for label, run in runs)
    return [
        f"Intervals hold {level}: {first.summary['interval']['method']}. {'. '.join(held)}.",
        "Roads, stations and addresses are from the map. Durations, number of units, demand by "
        "hour and the standard are assumptions unless scenario.toml names a source. "
        + "; ".join(sources),
        *_recorded_note(first.recorded),
        f"Scenario hashes: {hashes}. Seed {first.seed}. {ATTRIBUTION}, ODbL 1.0.",
    ]


def _recorded_note(recorded: Mapping[str, Any] | None) -> list[str]:
    if not recorded:
        return []
    unsaid = [f"{each['count']:,} {each['means']}" for each in recorded["unsaid"].values()]
    said = f"As people decided, from {recorded['from']} to {recorded['to']}: times are as they were"
    places = "reported, places are the nearest demand zones. What a run does not say"
    return [f"{said} {places}: {'; '.join(unsaid) or 'nothing was found'}."]
