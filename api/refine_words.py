"""Refinements by simulation as short tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from api.output import clock, percent, table

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOWN: Final[dict[str, tuple[str, Callable[[float], str], Callable[[float], str]]]] = {
    "within": ("within {standard}", percent, lambda x: f"{100 * x:+.2f} points"),
    "mean": ("response, mean", clock, lambda x: f"{x:+.2f} s"),
    "survivors": ("expected survivors a year", lambda x: f"{x:.2f}", lambda x: f"{x:+.3f}"),
}
"""Name, value and difference of each yardstick in words."""

_ENDED: Final = {
    "settled": "no other move of one unit and no swap was shown to be better",
    "budget": "the budget is used up",
    "stopped": "the time limit is reached",
    "interrupted": "interrupted: this is the best so far",
}


def refinement_lines(document: dict[str, Any]) -> list[str]:
    """Tell what moved and what it is worth.

    Parameters
    ----------
    document : dict
        See `scenarios.refinement.Refinement`.

    Returns
    -------
    list of str
        Lines.
    """
    objective = document["objective"]
    steps = [
        (
            " and ".join(_moved(each, document) for each in step["moved"]),
            *_change(step["change"], objective),
            f"{step['replications']:,}",
            step["tried"],
        )
        for step in document["steps"]
    ]
    kinds = sorted({unit["type"] for unit in document["units"]})
    stations = [
        (
            each["id"],
            each["name"],
            *(
                str(after) if before == after else f"{before} > {after}"
                for before, after in ((each["before"][k], each["after"][k]) for k in kinds)
            ),
        )
        for each in document["stations"]
    ]
    check = document["check"]
    goal = _SHOWN[objective][0].format(**document)
    moves = f"{len(steps)} move{'s' if len(steps) != 1 else ''}"
    head = (
        f"{document['city']}, {document['policy']}: {moves} for {goal!r}; "
        f"{document['simulated']:,} replications of {check['days']:g} days, "
        f"seed {document['seed']}"
    )
    foot = (
        f"({check['replications']:,} replications that the search has not seen, paired "
        f"{check['level']:.0%} intervals; those of moves hold together at "
        f"{document['confidence']:.0%})"
    )
    return [
        head,
        f"ended: {_ENDED[document['ended']]}{_undecided(document)}",
        "",
        *(
            [*table(("<moved", "change", "from", "to", "replications", "tried"), steps)]
            if steps
            else ["no move was shown to be better"]
        ),
        "",
        *table(("<station", "<name", *kinds), stations),
        "",
        *table(
            ("<on fresh replications", "before", "after", "difference", "from", "to"),
            [
                (
                    _SHOWN[each["id"]][0].format(**document),
                    _value(each["before"]["value"], each["id"]),
                    _value(each["after"]["value"], each["id"]),
                    *_change(each["difference"], each["id"]),
                )
                for each in check["measures"]
            ],
        ),
        foot,
        "",
    ]


def _moved(each: dict[str, Any], document: dict[str, Any]) -> str:
    names = {station["id"]: station["name"] or station["id"] for station in document["stations"]}
    return f"{each['unit']} from {names[each['from']]} to {names[each['to']]}"


def _undecided(document: dict[str, Any]) -> str:
    left = document["undecided"]
    if not left or not left["moves"]:
        return ""
    words = "; 1 move is" if left["moves"] == 1 else f"; {left['moves']} moves are"
    words += " undecided"
    if left["change"] and None not in left["change"].values():
        value, low, high = _change(left["change"], document["objective"])
        words += f", the most hopeful changes it by {value} ({low} to {high})"
    return words


def _value(value: float | None, yardstick: str) -> str:
    return "-" if value is None else _SHOWN[yardstick][1](value)


def _change(change: dict[str, float | None], yardstick: str) -> list[str]:
    said = _SHOWN[yardstick][2]
    return [
        "-" if (number := change[key]) is None else said(number) for key in ("value", "low", "high")
    ]
