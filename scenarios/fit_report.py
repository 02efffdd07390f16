"""The page of a fit to a log: observed beside fitted, and the tests in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from scipy import stats

from scenarios.demand import weekly_factor
from scenarios.duration_fit import OWN_FAMILY, SPREAD_CASES
from scenarios.fit_figures import chance_band, duration_figure, week_figure, zone_figure
from scenarios.page import Cell, render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.demand_fit import Fit
    from scenarios.duration_fit import FittedDuration
    from scenarios.importers.log_types import FittedWork
    from scenarios.package import Scenario

SHOWN: Final = 5
"""Of fewer incidents than this no observed figure is shown: it would be that of a few people."""

PARTS: Final = {"on_scene": "time on scene", "handover": "time at the hospital"}
"""What durations are called."""

_DRAWN: Final = 20
_PANELS: Final = 6
_ZONES: Final = 12
_NOTHING: Final = Cell("–")
_FEW: Final = f"under {SHOWN}"
_CAREFUL: Final = (
    "Refuted means that chance alone gives such a difference less than once in a hundred logs. "
    "The more incidents, the smaller the differences that are refuted: look at their size too. "
    "What is not refuted is not proven."
)
_QUESTIONS: Final = {
    "hours": (
        "Is the week the product of an hour profile and a weekday profile?",
        "some hours of the week are busier or quieter than hour and weekday alone say",
    ),
    "days": (
        "Do days differ no more than by chance?",
        "there are seasons, events or weather that the rates do not know",
    ),
    "rescaled": (
        "Do calls come independently of each other?",
        "calls come in clusters, or were recorded at rounded times",
    ),
}


class Shown(NamedTuple):
    """What a page shows.

    Parameters
    ----------
    source : str
        The log's name.
    city : Scenario
        The scenario as fitted.
    fit : Fit
        Demand by hour and weekday.
    zones : ndarray of int64, shape (zones,)
        Incidents observed in each zone.
    strength : float
        Incidents that the demand assumed before counts for in a mean zone.
    work : FittedWork or None
        Durations and transports, if the log tells them.
    notes : sequence of str
        What was left out or taken otherwise.
    """

    source: str
    city: Scenario
    fit: Fit
    zones: NDArray[np.int64]
    strength: float
    work: FittedWork | None
    notes: Sequence[str]


def render_fit_report(shown: Shown) -> str:
    """Tell on one page how well a scenario describes the log that it was fitted to.

    Parameters
    ----------
    shown : Shown
        The fit.

    Returns
    -------
    str
        HTML that asks nothing of any network. Nothing of a single incident is in it.
    """
    fit, work = shown.fit, shown.work
    total = int(shown.zones.sum())
    cards = [
        {"label": "incidents", "value": f"{total:,}", "note": f"on {fit.days:,} days"},
        {"label": "incidents a day", "value": f"{fit.per_day:.4g}", "note": "mean of a week"},
    ]
    sections = [_week(shown), _zones(shown)]
    if work is not None:
        for part, label in PARTS.items():
            fitted = getattr(work, part)
            if fitted is not None:
                last = fitted[-1]
                mean = f"{last.observed_s / 60:.1f} min"
                cards += _card(f"mean {label}", mean, last.cases)
                sections.append(_durations(work, part, label))
        if work.transports is not None:
            cases, taken = work.transports.cases.sum(), work.transports.transported.sum()
            cards += _card("taken to a hospital", f"{100 * taken / cases:.1f} %", int(cases))
            sections.append(_transports(work))
    sections.append(_tests(shown))
    return render_page(
        f"{shown.city.settings.name}, fitted to {shown.source}",
        "What was observed beside what the scenario now assumes.",
        cards,
        sections,
        [
            _CAREFUL,
            *shown.notes,
        ],
    )


def verdict(p: float) -> str:
    """Put the outcome of a test in words.

    Parameters
    ----------
    p : float
        Chance of such a difference if what is tested is true; NaN where too few tell.

    Returns
    -------
    str
        Words.
    """
    if np.isnan(p):
        return "too few to tell"
    return "refuted" if p < 0.01 else "doubtful" if p < 0.05 else "not refuted"


def strength_said(strength: float, what: str) -> str:
    """Say how far groups are drawn to all of them.

    Parameters
    ----------
    strength : float
        Cases that all of them count for.
    what : str
        What the groups are, plural.

    Returns
    -------
    str
        Words.
    """
    if np.isinf(strength):
        return f"{what} differ no more than by chance, so that all have the same"
    return f"all {what} together count for {strength:.3g} cases in each"


def _card(label: str, value: str, cases: int) -> list[dict[str, str]]:
    if cases < SHOWN:
        return []
    return [{"label": label, "value": value, "note": f"of {cases:,} cases"}]


def _week(shown: Shown) -> dict[str, Any]:
    fit, demand = shown.fit, shown.city.settings.demand
    rate = demand.incidents_per_day / 24 * weekly_factor(demand)
    expected = rate * fit.exposure
    outside, by_chance = _outside(fit.incidents[fit.exposure > 0], expected[fit.exposure > 0])
    return {
        "heading": "Hours of the week",
        "text": "Incidents an hour, local time: observed, and as the scenario has them now. "
        f"Of {int((fit.exposure > 0).sum())} hours of the week {outside} lie outside the band; "
        f"by chance it would be some {by_chance:.0f}.",
        "image": week_figure(fit.incidents, fit.exposure, rate),
        "alt": "Incidents by hour of the week, observed and fitted",
    }


def _zones(shown: Shown) -> dict[str, Any]:
    city, count = shown.city, shown.zones
    fitted = city.zone_weight * count.sum()
    outside, by_chance = _outside(count, fitted)
    off = np.abs(count - fitted) / np.sqrt(np.maximum(fitted, 1))
    worst = np.argsort(-off, kind="stable")
    worst = worst[np.maximum(count, fitted)[worst] >= SHOWN]
    district = city.zones["district"].fillna("").astype(str).to_numpy()
    rows = [
        [
            Cell(str(city.zones["id"].iloc[zone])),
            Cell(str(district[zone])),
            _count(int(count[zone])),
            Cell(f"{fitted[zone]:,.1f}"),
        ]
        for zone in worst[:_ZONES].tolist()
    ]
    prior = (
        "they differ from the demand assumed before no more than by chance, so that it stays"
        if np.isinf(shown.strength)
        else f"the demand assumed before counts for {shown.strength:.3g} incidents in a mean zone"
    )
    return {
        "heading": "Zones",
        "text": f"Incidents of each of {len(count):,} zones, observed against fitted; both axes "
        f"are drawn by their square roots. Thin counts are drawn to the demand assumed before: "
        f"{prior}. {outside:,} zones lie outside the band; by chance it would be some "
        f"{by_chance:.0f}. "
        f"The table names those that are farthest off, of {SHOWN} incidents or more.",
        "image": zone_figure(count, fitted),
        "alt": "Incidents by zone, observed against fitted",
        "table": {"head": ["zone", "district", "observed", "fitted"], "rows": rows},
    }


def _outside(count: NDArray[np.int64], expected: NDArray[np.float64]) -> tuple[int, float]:
    """Count what lies outside the band of chance, and how much would by chance."""
    low, high = chance_band(expected)
    out = np.sum(stats.poisson.cdf(low - 1, expected)) + np.sum(stats.poisson.sf(high, expected))
    return int(((count < low) | (count > high)).sum()), float(out)


def _durations(work: FittedWork, part: str, label: str) -> dict[str, Any]:
    fitted: list[FittedDuration] = getattr(work, part)
    single = len(work.names) == 1
    # of one type all incidents are that type
    named = list(zip(work.names, fitted[:-1], strict=True))
    shown = named if single else [*named, ("all types", fitted[-1])]
    drawn = [
        (f"{name}, {each.cases:,} cases", _cases(work, part, number), each.duration)
        for number, (name, each) in enumerate(named)
        if each.cases >= _DRAWN
    ]
    drawn = sorted(drawn, key=lambda panel: -len(panel[1]))[:_PANELS]
    text = (
        f"Minutes. Types with few cases are drawn to all others: of means, "
        f"{strength_said(work.strength[part], 'types')}; of spreads, they count for "
        f"{SPREAD_CASES:g}. A type with fewer than {OWN_FAMILY} cases has the kind of distribution "
        "that suits all. The distance is the largest difference between the shares that last no "
        "longer, observed and fitted; the test asks whether the kind of distribution is right."
    )
    section: dict[str, Any] = {
        "heading": label.capitalize() + ("" if single else " by type"),
        "text": text,
        "table": {
            "head": [
                "type", "cases", "observed mean", "fitted mean", "variation", "distribution",
                "own share", "distance", "p",
            ],
            "rows": [_duration_row(name, each) for name, each in shown],
        },
    }  # fmt: skip
    if drawn:
        section |= {
            "image": duration_figure(drawn),
            "alt": f"Distributions of the {label}, observed and fitted",
        }
    return section


def _duration_row(name: str, fitted: FittedDuration) -> list[Cell]:
    duration, few = fitted.duration, fitted.cases < SHOWN
    tone = "worse" if fitted.p < 0.01 else ""
    return [
        Cell(name),
        _count(fitted.cases),
        _NOTHING if few else Cell(f"{fitted.observed_s / 60:.1f}"),
        Cell(f"{duration.mean_s / 60:.1f}"),
        Cell(f"{duration.cv:.2f}"),
        Cell(duration.distribution),
        Cell(f"{100 * fitted.own:.0f} %"),
        _NOTHING if few else Cell(f"{100 * fitted.distance:.1f} points"),
        Cell(_p(fitted.p), verdict(fitted.p), tone),
    ]


def _cases(work: FittedWork, part: str, number: int) -> NDArray[np.float64]:
    cases: NDArray[np.float64] = work.seconds[part][work.of[part] == number]
    return cases


def _transports(work: FittedWork) -> dict[str, Any]:
    found = work.transports
    assert found is not None  # noqa: S101 - the caller looked
    rows = []
    for number, name in enumerate(work.names):
        cases, taken = int(found.cases[number]), int(found.transported[number])
        row = [Cell(name), _count(cases), _NOTHING, Cell(f"{100 * found.share[number]:.1f} %")]
        if cases >= SHOWN:
            interval = stats.binomtest(taken, cases).proportion_ci(method="wilson")
            span = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
            row[2] = Cell(f"{100 * taken / cases:.1f} %", span)
        rows.append(row)
    text = "Share of incidents with a drive to a hospital, with 95 % intervals (Wilson)."
    if len(work.names) > 1:
        text += (
            f" Types with few cases are drawn to all others: "
            f"{strength_said(found.strength, 'types')}."
        )
    return {
        "heading": "Transports by type" if len(work.names) > 1 else "Transports",
        "text": text,
        "table": {"head": ["type", "cases", "observed", "fitted"], "rows": rows},
    }


def _tests(shown: Shown) -> dict[str, Any]:
    asked = [
        (*_QUESTIONS[name], float(test["statistic"]), float(test["p"]))
        for name, test in shown.fit.tests.items()
    ]
    rows = [
        _test_row(question, otherwise, f"{statistic:,.4g}", p)
        for question, otherwise, statistic, p in asked
    ]
    if shown.work is not None:
        for part, label in PARTS.items():
            fitted = getattr(shown.work, part)
            if fitted is None:
                continue
            told = [each for each in fitted[:-1] if not np.isnan(each.p)]
            off = [each for each in told if each.p < 0.01]
            said = f"{len(off)} of {len(told)} types refuted" if told else "too few to tell"
            rows.append(
                [
                    Cell(f"Is the {label} of each type of the distribution that was fitted?"),
                    _NOTHING,
                    _NOTHING,
                    Cell(said, "by type in the table above", "worse" if off else ""),
                ]
            )
        transports = shown.work.transports
        if transports is not None and len(shown.work.names) > 1:
            rows.append(
                _test_row(
                    "Are all types transported alike?",
                    "types differ, and each has a share of its own",
                    "–",
                    transports.p,
                    good="types have much the same share",
                )
            )
    return {
        "heading": "What the tests say",
        "table": {"head": ["question", "statistic", "p", "answer"], "rows": rows},
    }


def _test_row(
    question: str, otherwise: str, statistic: str, p: float, good: str = "no sign of anything else"
) -> list[Cell]:
    said = verdict(p)
    means = {"refuted": otherwise, "doubtful": f"perhaps {otherwise}", "not refuted": good}
    return [
        Cell(question),
        Cell("–" if np.isnan(p) else statistic),
        Cell(_p(p)),
        Cell(said, means.get(said, ""), "worse" if said == "refuted" else ""),
    ]


def _p(p: float) -> str:
    return "–" if np.isnan(p) else "under 0.0001" if p < 1e-4 else f"{p:.2g}"


def _count(cases: int) -> Cell:
    return Cell(f"{cases:,}" if cases == 0 or cases >= SHOWN else _FEW)
