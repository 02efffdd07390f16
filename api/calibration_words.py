"""What a calibration prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from api.output import figures, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT: Final = {
    "off_road": "off the roads",
    "no_road_leads": "without a way",
    "too_short": "too short",
    "too_few_of_their_profile": "of a profile with too few",
}
_MEASURES: Final = {
    "mean_absolute_s": ("mean absolute error, s", 1.0, 1),
    "mean_absolute_percent": ("mean absolute error, % of the time", 1.0, 1),
    "median_absolute_log": ("median absolute log error", 1.0, 3),
    "mean_s": ("bias, s (predicted less observed)", 1.0, 1),
    "within_60_s": ("within one minute, % of trips", 100.0, 1),
}
_VERDICTS: Final = {
    "better": "held-out {} trips are predicted better than before",
    "worse": "held-out {} trips are predicted WORSE than before: keep the old table",
    "no difference shown": "held-out {} trips show no improvement: there is no reason to change",
}


def calibration_lines(document: dict[str, Any]) -> Iterator[str]:
    """Tell a calibration in tables.

    Parameters
    ----------
    document : dict
        That of `scenarios.calibration.Calibration`, with ``out`` and ``picture``.

    Yields
    ------
    str
        Lines.
    """
    trips = document["trips"]
    reasons = [f"{trips['left_out'][name]:,} {words}" for name, words in _LEFT_OUT.items()]
    yield from figures(
        [
            ("trips", f"{trips['read']:,} read, {trips['used']:,} used"),
            ("left out", ", ".join(reasons)),
        ]
    )
    for profile, found in document["profiles"].items():
        yield ""
        yield from _profile_lines(profile, found)
    yield ""
    for name in ("out", "picture"):
        if document[name]:
            yield f"wrote {document[name]}"


def _profile_lines(profile: str, found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['held_out']:,} of {found['trips']:,} {profile} trips held out"
    rows = [
        (words, *(_interval(errors[when], times, digits) for when in ("before", "after", "change")))
        for name, (words, times, digits) in _MEASURES.items()
        for errors in [found["errors"][name]]
    ]
    yield from table(("<on held-out trips (95 % interval)", "before", "after", "change"), rows)
    yield ""
    factors = found["factors"]
    rows = [
        (
            each["key"],
            f"{each['before']:g}",
            f"{each['after']:g}" + " (limit)" * each["at_limit"],
            f"{each['log_standard_error']:.1%}".replace("%", " %"),
            f"{each['trips']:,}",
            f"{each['km']:,.0f}",
        )
        for each in factors
        if each["fitted"]
    ]
    yield from table(("<fitted", "before", "after", "std. error", "trips", "km"), rows)
    kept = [each["key"] for each in factors if not each["fitted"]]
    if kept:
        yield f"kept for lack of data: {', '.join(kept)}"
    if found["offset"]:
        seconds, error = found["offset"]["seconds"], found["offset"]["standard_error"]
        yield f"constant time of each trip: {seconds:.0f} s (std. error {error:.0f} s)"
        yield "  counted in the errors above, but not in the table, which has no place for it"
    yield ""
    rows = [
        (_band(each), f"{each['trips']:,}", _digits(each["median_ratio"]), *_spreads(each))
        for each in found["spread"]
    ]
    head = ("<spread of observed / fitted", "trips", "median", "log sd", "robust log sd")
    yield from table(head, rows)
    if not found["settled"]:
        yield f"the fit had not settled after {found['rounds']} rounds; the best round was taken"
    yield _VERDICTS[found["verdict"]].format(profile)


def _interval(estimate: dict[str, Any], times: float, digits: int) -> str:
    if estimate["value"] is None:
        return "-"
    value, low, high = (times * estimate[key] for key in ("value", "low", "high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _band(each: dict[str, Any]) -> str:
    low, high = each["from_m"] / 1000, each["to_m"]
    if high is None:
        return f"over {low:g} km" if low else "all"
    return f"{low:g} to {high / 1000:g} km"


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _spreads(each: dict[str, Any]) -> tuple[str, str]:
    return _digits(each["log_sd"]), _digits(each["robust_log_sd"])
