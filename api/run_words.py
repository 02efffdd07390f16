"""Runs and comparisons as short tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from api.output import clock, percent, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Shown: TypeAlias = "Callable[[float | None], str]"

Estimate = dict[str, Any]
"""Value, low, high, all three null where there is none: see `scenarios.statistics`."""

_TIMES: Final = {
    "response_mean": "response, mean",
    "response_p90": "response, 90th percentile",
    "call_processing": "  call processing",
    "queueing": "  queueing",
    "turnout": "  turnout",
    "travel": "  travel",
}
_REALITY: Final = (
    "people's drives are as observed, the policy's as the roads say: what the roads say wrong is "
    "in the change too; 'bluelight compare' the day's scenario under two policies is free of it"
)

_SHARES: Final = {"queued_share": "incidents that queue", "utilisation": "units busy"}

_WAITS: Final = {
    "hospital_wait_mean": "wait for a bay at hospital, mean",
    "hospital_wait_p90": "wait for a bay at hospital, 90th percentile",
}
_WAITED: Final = {"hospital_waited_share": "crews that wait for a bay"}


def run_lines(summary: dict[str, Any]) -> list[str]:
    """Tell what a simulation found.

    Parameters
    ----------
    summary : dict
        The content of ``summary.json``.

    Returns
    -------
    list of str
        Lines.
    """
    incidents = summary["incidents"]
    hospitals = f", hospitals {summary['hospitals']['policy']}" if "hospitals" in summary else ""
    head = (
        f"{summary['scenario']['name']}, {summary['policy']}{hospitals}: {_span(summary)}, "
        f"{incidents['total']:,} incidents, {incidents['unserved']:,} unserved"
    )
    return [
        head,
        "",
        *table(("<", "", "from", "to", "<"), _rows(summary, summary["standards"])),
        "",
        _interval(summary),
    ]


def recorded_lines(recorded: dict[str, Any] | None) -> list[str]:
    """Tell of a day that was recorded whence it is, and what a run cannot say of it.

    Parameters
    ----------
    recorded : dict or None
        From ``summary.json``; None where the run was simulated.

    Returns
    -------
    list of str
        Lines.
    """
    if recorded is None:
        return []
    metres = recorded["to_zones_m"]
    rows = [(f"{each['count']:,}", each["means"]) for each in recorded["unsaid"].values()]
    return [
        f"records {recorded['first_record']:,} to {recorded['last_record']:,}",
        f"places coarsened to {recorded['coarsened_m']:g} m; incidents count for the nearest zone,",
        f"{metres['mean']:,} m away on average, {metres['most']:,} m at most",
        *([] if recorded["served"]["same"] else ["the log was kept with another scenario"]),
        *(table(("", "<what a run does not say"), rows) if rows else []),
    ]


def paired_lines(paired: dict[str, Any] | None, policy: str) -> list[str]:
    """Tell how a run's responses changed under another policy.

    Parameters
    ----------
    paired : dict or None
        Of `scenarios.paired.paired`.
    policy : str
        The other policy.

    Returns
    -------
    list of str
        Lines; none where nothing was compared.
    """
    if paired is None:
        return []
    before, after, change = (paired[key] for key in ("before", "after", "difference"))
    rows = [
        (_TIMES[key], *_changed(before[key], after[key], change[key], clock, _seconds))
        for key in ("response_mean", "response_p90")
    ]
    rows += [
        (
            f"within {name}",
            *_changed(before["within"][name], after["within"][name], each, percent, _points),
        )
        for name, each in change.get("within", {}).items()
    ]
    head = ("<the same incidents", f"{paired['policy_before']}", policy, "change", "from", "to")
    alike = f"{paired['alike']:,} alike, {paired['not_both']:,} not reached both times"
    return [
        "",
        *table(head, rows),
        f"reached sooner: {paired['sooner']:,}, later: {paired['later']:,}, {alike}",
        *([_REALITY] if paired["observed"] else []),
    ]


def _changed(
    before: Estimate, after: Estimate, change: Estimate, shown: Shown, shift: Shown
) -> tuple[str, ...]:
    moved = (shift(change[key]) for key in ("value", "low", "high"))
    return shown(before["value"]), shown(after["value"]), *moved


def precision_lines(precision: dict[str, Any] | None) -> list[str]:
    """Tell whether a figure is known as closely as was asked.

    Parameters
    ----------
    precision : dict or None
        From `scenarios.precision`; None where nothing was asked.

    Returns
    -------
    list of str
        One line or none.
    """
    if precision is None:
        return []
    known = "unknown" if precision["known"] is None else f"{precision['known']:.3%}"
    asked = f"{precision['of']} to {precision['asked']:.3%}"
    if precision["reached"]:
        return [f"precision: {asked} was asked, {known} is reached"]
    many = precision["at_most"]
    failed = f"precision: {asked} is NOT reached after {many} replications ({known})"
    return [f"{failed}; allow more with --replications"]


def comparison_lines(summary: dict[str, Any]) -> list[str]:
    """Tell how runs on the same incidents differ.

    Parameters
    ----------
    summary : dict
        The content of ``comparison.json``.

    Returns
    -------
    list of str
        Lines.
    """
    lines = [f"{_span(summary)}, the same incidents for all", ""]
    for each in summary["combinations"]:
        base = " (base)" if each["label"] == summary["base"] else ""
        rows = _rows(each["measures"], each["standards"])
        lines += [*table((f"<{each['label']}{base}", "", "from", "to", "<"), rows), ""]
    for each in summary["differences"]:
        head = f"<{each['label']} minus {each['minus']}"
        rows = _rows(each["measures"], [], time=_seconds, share=_points)
        lines += [*table((head, "", "from", "to", "<"), rows), ""]
    return [*lines, *_bound_lines(summary.get("bound")), _interval(summary)]


def _bound_lines(bound: dict[str, Any] | None) -> list[str]:
    """Tell how far policies are from the best that anyone could have done."""
    if bound is None:
        return []
    at_once, many = bound["at_once"], bound["incidents"]
    longest = f"{bound['longest_s'] / 60:g} minutes beyond the limit"
    head = (
        f"least number of late arrivals, of {many:,} incidents that a standard is for, of anyone "
        f"who knew them all, lets units drive home, and nobody wait longer than {longest}"
    )
    lines = [
        head,
        f"  whatever he does: {_least(bound)}",
        f"  if nobody waits while a unit is free: {_least(at_once)}",
        "",
    ]
    rows = [
        (
            each["label"],
            f"{each['late']:,}",
            percent(each["share"]),
            *_times(each),
            *_times(each["at_once"]),
        )
        for each in bound["policies"]
    ]
    names = ("<", "late", "share", "x least", "from", "to", "x at once", "from", "to")
    told = table(names, rows)
    if any("(" in cell for row in rows for cell in row[3:]):
        told.append(
            "in brackets: no bound for it, since it moves units, or lets somebody wait too long "
            "or beside a free unit"
        )
    told += [f"{label}: not compared, the bound is of the first" for label in bound["others"]]
    return [*lines, *told, ""]


def _least(bound: dict[str, Any]) -> str:
    least = f"{bound['late']:,} ({percent(bound['share'])})"
    if bound["reached"] is None:
        return f"{least}; no plan (none is sought where turnouts differ by the hour)"
    best = ", the best possible" if bound["proven"] else ""
    return f"{least}; a plan made in hindsight: {bound['reached']:,}{best}"


def _times(beside: dict[str, Any]) -> tuple[str, str, str]:
    if beside["ratio"] is None:
        return "-", "", ""
    value = f"{beside['ratio']:.2f}" if beside["holds"] else f"({beside['ratio']:.2f})"
    low, high = ("" if beside[end] is None else f"{beside[end]:.2f}" for end in ("low", "high"))
    return value, low, high


def _rows(
    measures: dict[str, Any],
    standards: list[dict[str, Any]],
    time: Shown = clock,
    share: Shown = percent,
) -> Iterator[tuple[str, str, str, str, str]]:
    """One row for each figure: name, value, interval, verdict."""
    verdicts = {
        each["name"]: f"of {percent(each['share'])}: {each['verdict']}" for each in standards
    }
    for key, name in _TIMES.items():
        if key in measures:
            yield (name, *_figures(measures[key], time), "")
    for name, estimate in measures.get("within", {}).items():
        yield (f"within {name}", *_figures(estimate, share), verdicts.get(name, ""))
    told = ((_SHARES, share), (_WAITS, time), (_WAITED, share))
    for names, shown in told:
        for key, name in names.items():
            if key in measures:
                yield (name, *_figures(measures[key], shown), "")
    if "survivors_per_year" in measures:
        # of a share, only a difference is told in points
        shown = _lives if share is percent else _more_lives
        yield (
            "expected survivors a year, no forecast",
            *_figures(measures["survivors_per_year"], shown),
            "",
        )


def _figures(estimate: Estimate, shown: Shown) -> tuple[str, str, str]:
    value, low, high = (shown(estimate[key]) for key in ("value", "low", "high"))
    return value, low, high


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:+.1f} s"


def _lives(survivors: float | None) -> str:
    return "-" if survivors is None else f"{survivors:.2f}"


def _more_lives(survivors: float | None) -> str:
    return "-" if survivors is None else f"{survivors:+.3f}"


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:+.1f} points"


def _span(summary: dict[str, Any]) -> str:
    if "recorded" in summary:
        return f"{summary['days']:g} days as they were"
    return f"{summary['replications']} x {summary['days']:g} days, seed {summary['seed']}"


def _interval(summary: dict[str, Any]) -> str:
    interval = summary["interval"]
    return f"from, to: {interval['level']:.0%} intervals, {interval['method']}"
