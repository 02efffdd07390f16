"""A plan's promise beside its simulation as a short table, with the reasons in words."""

from __future__ import annotations

from typing import Any, Final

from api.output import percent, table

_LEAST: Final = 0.0005
"""A share that rounds to less than a tenth of a point is not worth a word."""

_STEPS: Final = {
    "demand": "incidents fall by chance, not exactly by weight",
    "processing": "calls take longer or shorter than the mean",
    "fleet": "the unit needed, its turnout, no siren",
    "availability": "units busy, or on the road and nearer",
}
_MISSES: Final = {
    "geography": "too far from every station",
    "processing": "the call took longer than the mean",
    "fleet": "no unit of the kind needed near enough",
    "queue": "no unit free: waited",
    "farther_unit": "nearest unit busy: another came from farther away",
}


def promise_lines(document: dict[str, Any]) -> list[str]:
    """Tell what was promised, what came out, and why they differ.

    Parameters
    ----------
    document : dict
        See `scenarios.promise.PlanOutcome`.

    Returns
    -------
    list of str
        Lines.
    """
    rows = [
        (
            f"within {each['standard']}{_whose(each)}",
            percent(each["promised"]),
            *(percent(each["simulated"][key]) for key in ("value", "low", "high")),
            _points(each["difference"]["value"]),
        )
        for each in document["standards"]
    ]
    lines = table(("<", "promised", "simulated", "from", "to", "difference"), rows)
    for each in document["standards"]:
        if not each["close"]:
            lines += ["", *_why(each)]
    span = f"{document['replications']} x {document['days']:g} days, seed {document['seed']}"
    return [
        *lines,
        "",
        f"({document['policy']}, {span}; from, to: {document['level']:.0%} intervals)",
        "",
    ]


def _why(each: dict[str, Any]) -> list[str]:
    """Tell by which steps the promise became the outcome, and what made incidents late."""
    steps = [
        (
            _STEPS[step["cause"]],
            *(_points(step["change"][key]) for key in ("value", "low", "high")),
            *(
                "-" if step[key] is None else percent(step[key]["value"])
                for key in ("lost", "gained")
            ),
        )
        for step in each["steps"]
    ]
    misses = [
        (_MISSES[cause], percent(share["value"]))
        for cause, share in each["misses"].items()
        if (share["value"] or 0) >= _LEAST
    ]
    missed = 1 - each["simulated"]["value"]
    return [
        *table(
            (
                f"<why {each['standard']!r}{_whose(each)} differs",
                "change",
                "from",
                "to",
                "lost",
                "gained",
            ),
            steps,
        ),
        "",
        *table((f"<late: {percent(missed)} of incidents, by first cause", ""), misses),
    ]


def _whose(each: dict[str, Any]) -> str:
    """Tell of which type of unit and slice of the day a promise is."""
    hours = "{}-{} h".format(*each["hours"]) if each["hours"] else ""
    told = ", ".join(part for part in (each["type"] or "", hours) if part)
    return f" ({told})" if told else ""


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:+.1f} points"
