"""What the options of ``bluelight plan`` ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from api.options import named, number
from routing.errors import InputError

if TYPE_CHECKING:
    from scenarios.plan_question import PlanQuestion

T = TypeVar("T")


def plan_question(
    options: dict[str, Any], fleet: dict[str, int], count: int | None, budget: float | None
) -> PlanQuestion:
    """Turn options into a question.

    Parameters
    ----------
    options : dict
        Those of ``plan``, as they were given.
    fleet : dict of str to int
        Today's units by type.
    count : int or None
        How many stations.
    budget : float or None
        Most that all may cost.

    Returns
    -------
    PlanQuestion
        The question.

    Raises
    ------
    InputError
        A number is none, or nothing says of which type it is.
    """
    from scenarios.plan_question import EVERYWHERE, PlanQuestion

    standards = dict(map(named, options["standard"]))
    longer = options["longer_limit_min"]
    units = _units(options["units"], fleet)

    def _by_type(given: dict[str, T]) -> dict[str, T]:
        # what is said of no type is of all that are named nowhere
        if units is None:
            return given
        all_types = {kind: given[""] for kind in units if "" in given}
        return all_types | {kind: value for kind, value in given.items() if kind}

    rooms = {name: _room(text) for name, text in map(named, options["capacity"])}
    costs = {
        name: number(text, "cost", "--unit-cost") for name, text in map(named, options["unit_cost"])
    }
    return PlanQuestion(
        model=options["model"],
        stations=count,
        units=units,
        capacity=_by_type(rooms),
        existing=options["existing"],
        keep=tuple(site for part in options["keep"] for site in part),
        forbid=tuple(site for part in options["forbid"] for site in part),
        candidates=options["candidates"],
        standard=standards.get("") if set(standards) <= {""} else _by_type(standards),
        longer_limit_s=None if longer is None else longer * 60,
        slices=options["slices"] or (),
        busy=options["busy"],
        floors={
            name or EVERYWHERE: number(text, "share", "--floor", most=1)
            for name, text in map(named, options["floors"])
        },
        budget=budget,
        station_cost=options["station_cost"],
        closing_cost=options["closing_cost"],
        unit_cost=_by_type(costs),
        parameters={
            name: options[name]
            for name in ("share", "backup", "curve")
            if options[name] is not None
        },
        time_limit_s=options["time_limit_s"],
        seed=options["seed"],
    )


def _room(text: str) -> int:
    """Read how many units a station has room for."""
    try:
        return int(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no number of units", field="--capacity", fix="give 1 or more"
        ) from None


def _units(given: tuple[str, ...], fleet: dict[str, int]) -> dict[str, tuple[int, ...]] | None:
    """Read numbers of units by type."""
    if not given:
        return None
    units: dict[str, tuple[int, ...]] = {}
    for text in (part.strip() for texts in given for part in texts.split(",")):
        if text == "fleet":
            units |= {kind: (count,) for kind, count in fleet.items()}
            continue
        kind, numbers = named(text)
        if not kind and len(fleet) == 1:
            (kind,) = fleet
        try:
            units[kind] = tuple(int(part) for part in numbers.split("/"))
        except ValueError:
            kind = ""
        if not kind or min(units[kind]) < 1:
            raise InputError(
                f"{text!r} is no number of units",
                field="--units",
                fix="give TYPE=N, TYPE=N/N by slice, or fleet",
            )
    return units
