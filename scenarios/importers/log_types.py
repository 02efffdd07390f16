"""Types of incidents of a log, and a scenario that has their durations and transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from routing.errors import InputError
from scenarios.duration_fit import FittedDuration, FittedShares, fit_durations, fit_shares
from scenarios.operations import IncidentType
from scenarios.settings import parse_settings
from scenarios.toml import settings_toml

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.importers.log_table import Columns
    from scenarios.importers.log_work import Work
    from scenarios.settings import Settings

ALL: Final = "all incidents"
"""Name of the only type of a log that tells none."""

_MOST: Final = 64


class Types(NamedTuple):
    """The types of a log's incidents.

    Parameters
    ----------
    names : list of str
        Names of the types that durations are fitted to.
    of : ndarray of int64, shape (n,)
        The type of each incident.
    priority : list of str or None
        The priority of each incident, None where it is not known.
    told : bool
        Whether the scenario gets them as its types; else there is one, for all.
    """

    names: list[str]
    of: NDArray[np.int64]
    priority: list[str] | None
    told: bool


class FittedWork(NamedTuple):
    """Durations and transports of each type, None where the log does not tell.

    Parameters
    ----------
    names : list of str
        The types.
    on_scene, handover : list of FittedDuration or None
        Of each type, in their order, and of all of them together last.
    transports : FittedShares or None
        Of each type.
    strength : dict of str to float
        For each duration the cases that all types count for.
    seconds, of : dict of str to ndarray
        For each duration the cases, and the type of each; for pictures.
    left_out : int
        Rows whose times contradict each other.
    """

    names: list[str]
    on_scene: list[FittedDuration] | None
    handover: list[FittedDuration] | None
    transports: FittedShares | None
    strength: dict[str, float]
    seconds: dict[str, NDArray[np.float64]]
    of: dict[str, NDArray[np.int64]]
    left_out: int


def read_types(
    table: pd.DataFrame,
    columns: Columns,
    settings: Settings,
    name: str,
    priority: list[str] | None,
) -> Types:
    """Read the type of each incident.

    Without a column of types they are the priorities, if the log tells these and the
    scenario has no types; else there is one type. Where the log tells no priorities, a
    type has that which it has in the scenario, or the only one that there is.

    Parameters
    ----------
    table : DataFrame
        The log.
    columns : Columns
        What its columns mean.
    settings : Settings
        Rules of the scenario.
    name : str
        The log's name, for messages.
    priority : list of str or None
        The priority of each incident, where the log tells it.

    Returns
    -------
    Types
        The types.

    Raises
    ------
    InputError
        A row has no type, there are too many, or the priority of one is not known.
    """
    if columns.type is None:
        if priority is None or settings.incident_types:
            return Types([ALL], np.zeros(len(table), dtype=np.int64), priority, told=False)
        named = np.array(priority, dtype=object)
    else:
        given = table[columns.type].fillna("").astype(str)
        found = given.map(columns.types) if columns.types else given.replace("", None)
        if found.isna().any():
            row = int(np.argmax(found.isna()))
            raise InputError(
                f"row {table.index[row] + 1} of {name}: {given.iloc[row]!r} is not named",
                field="--columns: types",
                fix='give every value a name of a type, blanks as "" = "other"',
            )
        named = found.to_numpy(dtype=object)
    names, of = np.unique(named.astype(str), return_inverse=True)
    if len(names) > _MOST:
        raise InputError(
            f"{name} has {len(names):,} types of incidents, a scenario at most {_MOST}",
            field="--columns: types",
            fix="give several values the same name, or name a column of fewer",
        )
    if priority is None:
        own = {kind.name: kind.priority for kind in settings.types}
        if len(settings.priorities) == 1:
            own = dict.fromkeys(names.tolist(), settings.priorities[0].name) | own
        for kind in names.tolist():
            if kind not in own:
                raise InputError(
                    f"{kind!r} is no type of the scenario, so that its priority is not known",
                    field="--columns: types",
                    fix=f"name a column of priorities, or use: {', '.join(own)}",
                )
        priority = [own[kind] for kind in names[of].tolist()]
    return Types(names.tolist(), of.astype(np.int64), priority, told=True)


def fit_work(work: Work, types: Types) -> FittedWork:
    """Fit durations and transports to each type.

    Parameters
    ----------
    work : Work
        What became of each incident.
    types : Types
        The type of each.

    Returns
    -------
    FittedWork
        What was fitted; a duration of which no row tells is None.
    """
    kinds = len(types.names)
    durations: dict[str, list[FittedDuration] | None] = {"on_scene": None, "handover": None}
    strength, seconds, of = {}, {}, {}
    for part, all_s in (("on_scene", work.on_scene_s), ("handover", work.handover_s)):
        known = ~np.isnan(all_s)
        if known.any():
            seconds[part], of[part] = all_s[known], types.of[known]
            fitted, strength[part] = fit_durations(seconds[part], of[part], kinds)
            together, _ = fit_durations(seconds[part], np.zeros_like(of[part]), 1)
            durations[part] = [*fitted, *together]
    known, transports = ~np.isnan(work.transported), None
    if known.any():
        transports = fit_shares(work.transported[known] == 1, types.of[known], kinds)
    return FittedWork(
        types.names,
        durations["on_scene"],
        durations["handover"],
        transports,
        strength,
        seconds,
        of,
        work.left_out,
    )


def with_types(settings: Settings, types: Types, fitted: FittedWork | None) -> Settings:
    """Return rules with the types of a log, their durations and transports.

    A type that occurs in several priorities becomes one for each. Types that the scenario
    has already keep all else; those that do not occur stay, with weight 0 where others of
    their priority do.

    Parameters
    ----------
    settings : Settings
        Rules of the scenario.
    types : Types
        The types.
    fitted : FittedWork or None
        What was fitted, if the log tells it.

    Returns
    -------
    Settings
        New rules, checked.

    Raises
    ------
    InputError
        Names of types and priorities clash, or there are too many.
    """
    update: dict[str, Any] = {}
    if fitted is not None:
        together = {
            part: found[-1].duration
            for part in ("on_scene", "handover")
            if (found := getattr(fitted, part)) is not None
        }
        update["process"] = settings.process.model_copy(update=together)
    if types.told:
        update["incident_types"] = _types(settings, types, fitted)
    elif fitted is not None and fitted.transports is not None:
        share = round(float(fitted.transports.share[0]), 6)
        update["priorities"] = [
            p.model_copy(update={"transported": share}) for p in settings.priorities
        ]
    # checked anew: the types of a log may not suit the rules
    return parse_settings(settings_toml(settings.model_copy(update=update)), "scenario.toml")


def work_document(fitted: FittedWork, shown: int) -> dict[str, Any]:
    """Tell what was fitted in figures.

    Parameters
    ----------
    fitted : FittedWork
        What was fitted.
    shown : int
        Of fewer cases than this no observed figure is told, nor how many they are.

    Returns
    -------
    dict
        Ready for JSON; what is not known, or infinite, is None.
    """
    document: dict[str, Any] = {"rows_left_out": fitted.left_out}
    for part in ("on_scene", "handover"):
        found = getattr(fitted, part)
        if found is None:
            document[part] = None
            continue
        document[part] = {
            "strength": _known(fitted.strength[part]),
            "types": {
                name: _duration_document(each, shown)
                for name, each in zip(fitted.names, found[:-1], strict=True)
            },
            "all": _duration_document(found[-1], shown),
        }
    transports = fitted.transports
    document["transported"] = transports and {
        "strength": _known(transports.strength),
        "p": _known(transports.p),
        "types": {
            name: {
                "cases": None if 0 < cases < shown else cases,
                "observed": taken / cases if cases >= shown else None,
                "share": share,
            }
            for name, cases, taken, share in zip(
                fitted.names,
                transports.cases.tolist(),
                transports.transported.tolist(),
                transports.share.tolist(),
                strict=True,
            )
        },
    }
    return document


def _duration_document(fitted: FittedDuration, shown: int) -> dict[str, Any]:
    few = 0 < fitted.cases < shown
    return {
        "cases": None if few else fitted.cases,
        "observed_mean_s": None if few else _known(fitted.observed_s),
        **fitted.duration.model_dump(),
        "own_share": fitted.own,
        "distance": None if few else _known(fitted.distance),
        "p": _known(fitted.p),
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _types(settings: Settings, types: Types, fitted: FittedWork | None) -> list[IncidentType]:
    priority = np.array(types.priority, dtype=object)
    before = {kind.name: kind for kind in settings.incident_types}
    found: dict[str, IncidentType] = {}
    for number, name in enumerate(types.names):
        mine = priority[types.of == number]
        for each in dict.fromkeys(p.name for p in settings.priorities if p.name in set(mine)):
            own = before.get(name)
            # a name stays with the priority that it has, or that alone has it
            alone = len(set(mine)) == 1 if own is None else own.priority == each
            label = name if alone else f"{name} ({each})"
            kind = before.get(label, IncidentType(name=label, priority=each))
            share = float((mine == each).sum() / (priority == each).sum())
            update = {"weight": round(share, 6), "priority": each} | _fitted(fitted, number)
            found[label] = kind.model_copy(update=update)
    seen = {kind.priority for kind in found.values()}
    for name, kind in before.items():
        if name not in found:
            weight = 0.0 if kind.priority in seen else kind.weight
            found[name] = kind.model_copy(update={"weight": weight})
    return list(found.values())


def _fitted(fitted: FittedWork | None, number: int) -> dict[str, Any]:
    if fitted is None:
        return {}
    said: dict[str, Any] = {
        part: found[number].duration
        for part in ("on_scene", "handover")
        if (found := getattr(fitted, part)) is not None
    }
    if fitted.transports is not None:
        said["transported"] = round(float(fitted.transports.share[number]), 6)
    return said
