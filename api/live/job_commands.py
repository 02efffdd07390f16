"""Jobs as command lines: what each is asked, what it writes, and what it needs of others.

Each job has a folder, and works in it: all paths are relative to that, so that no result
tells where on the machine it came about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from api.commands.plan import MODELS
from api.live.job_schemas import CompareJob, NewJob, PlanJob, PlannedBy, ReplayJob, SimulateJob
from api.problems import ProblemError, unknown_name
from engine.hospital import HOSPITAL_POLICIES
from engine.policies import POLICIES, RELOCATIONS
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from api.live.job_schemas import FileName, Scenario
    from routing.registry import Registry

Asked = PlanJob | SimulateJob | CompareJob | ReplayJob

ASKED: Final[TypeAdapter[Asked]] = TypeAdapter(NewJob)

RESULT: Final = "result"
"""Folder of what a job gives; it appears whole or not at all."""
PLANNED: Final = "planned"
"""Folder of the scenario that a plan leads to."""
CHECKPOINT: Final = "checkpoint"

_RUN: Final[tuple[FileName, ...]] = (
    "report.html",
    "summary.json",
    "manifest.json",
    "events.parquet",
    "incidents.parquet",
    "statistics.csv",
    "statistics.parquet",
)
FILES: Final[Mapping[str, tuple[FileName, ...]]] = {
    "plan": ("plan.json", "plan.png"),
    "simulate": _RUN,
    "compare": ("report.html", "comparison.json"),
    "replay": _RUN,
}
"""What each kind of job lets be read of its result."""


def needs(asked: Asked) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """List the jobs that a job goes on from.

    Parameters
    ----------
    asked : PlanJob, SimulateJob, CompareJob or ReplayJob
        The job.

    Yields
    ------
    field : str
        JSON path.
    job : str
        Its name.
    kinds : tuple of str
        What it must be.
    """
    match asked:
        case ReplayJob():
            yield "job", asked.job, ("simulate", "replay")
        case CompareJob():
            for row, each in enumerate(asked.scenarios):
                if isinstance(each, PlannedBy):
                    yield f"scenarios[{row}].job", each.job, ("plan",)
        case _:
            if isinstance(asked.scenario, PlannedBy):
                yield "scenario.job", asked.scenario.job, ("plan",)


def checked_names(asked: Asked) -> None:
    """Check the names of policies and models; a policy is never a file.

    Parameters
    ----------
    asked : PlanJob, SimulateJob, CompareJob or ReplayJob
        The job.

    Raises
    ------
    ProblemError
        One is unknown.
    """
    match asked:
        case PlanJob():
            known = {*MODELS, *(f"{name}-v1" for name in MODELS)}
            if asked.model not in known:
                raise ProblemError([unknown_name("model", asked.model, MODELS)])
        case CompareJob():
            for row, name in enumerate(asked.policies):
                _check_policy(f"policies[{row}]", name)
            for row, name in enumerate(asked.hospitals):
                _check_registered(f"hospitals[{row}]", name, HOSPITAL_POLICIES)
        case _:
            if asked.policy is not None:
                _check_policy("policy", asked.policy)
            if isinstance(asked, SimulateJob) and asked.hospital is not None:
                _check_registered("hospital", asked.hospital, HOSPITAL_POLICIES)


def _check_policy(field: str, name: str) -> None:
    dispatch, plus, rule = name.partition("+")
    _check_registered(field, dispatch, POLICIES)
    if plus:
        _check_registered(field, rule, RELOCATIONS)


def _check_registered(field: str, name: str, registry: Registry[Any]) -> None:
    try:
        registry.resolve(name)
    except InputError:
        raise ProblemError([unknown_name(field, name, registry)]) from None


def bars(asked: Asked) -> int:
    """Tell how many parts of a job are counted as they go on.

    Parameters
    ----------
    asked : PlanJob, SimulateJob, CompareJob or ReplayJob
        The job.

    Returns
    -------
    int
        Parts, of about the same length.
    """
    if isinstance(asked, CompareJob):
        runs = len(asked.scenarios) * len(asked.policies) * max(1, len(asked.hospitals))
        return runs + asked.bound
    return 1


def arguments(
    asked: Asked,
    folder_of: Callable[[Scenario], str],
    run: tuple[str, str] | None,
    cluster: str | None,
) -> list[str]:
    """Write a job as a command line.

    Parameters
    ----------
    asked : PlanJob, SimulateJob, CompareJob or ReplayJob
        The job.
    folder_of : callable
        Tells where a scenario is.
    run : tuple of (str, str) or None
        Of a replay: the run, and where its scenario is.
    cluster : str or None
        Address of a Dask scheduler.

    Returns
    -------
    list of str
        What follows ``bluelight``.
    """
    spread = [] if cluster is None else [f"--cluster={cluster}"]
    match asked:
        case PlanJob():
            return ["plan", folder_of(asked.scenario), *_plan_options(asked)]
        case SimulateJob():
            return [
                "simulate",
                folder_of(asked.scenario),
                f"--policy={asked.policy}",
                *_given(hospital=asked.hospital),
                *_replicated(asked),
                *_given(precision=asked.precision, precision_of=asked.precision_of),
                f"--checkpoint={CHECKPOINT}",
                *spread,
                *_ending(RESULT),
            ]
        case CompareJob():
            return [
                "compare",
                *map(folder_of, asked.scenarios),
                f"--policies={','.join(asked.policies)}",
                *_given(hospital=",".join(asked.hospitals) or None),
                *_replicated(asked),
                *(["--bound"] if asked.bound else []),
                f"--checkpoint={CHECKPOINT}",
                *spread,
                *_ending(RESULT),
            ]
        case ReplayJob():
            where, scenario = run or ("", "")
            return [
                "replay",
                where,
                f"--scenario={scenario}",
                *_given(policy=asked.policy),
                *_ending(RESULT),
            ]


def _plan_options(asked: PlanJob) -> Iterator[str]:
    yield f"--model={asked.model}"
    yield f"--existing={asked.existing}"
    yield f"--candidates={asked.candidates}"
    yield from (f"--stations={count}" for count in asked.stations)
    if asked.units == "fleet":
        yield "--units=fleet"
    elif asked.units is not None:
        for kind, counts in asked.units.items():
            yield f"--units={kind}={'/'.join(map(str, counts))}"
    yield from (f"--keep={site}" for site in asked.keep)
    yield from (f"--forbid={site}" for site in asked.forbid)
    yield from _named("--capacity", asked.capacity)
    yield from _named("--standard", asked.standard)
    yield from _named("--floor", asked.floors)
    yield from _named("--unit-cost", asked.unit_cost)
    longer = asked.longer_limit_s
    yield from _given(
        busy=asked.busy,
        longer_limit=None if longer is None else longer / 60,
        slices=",".join(f"{first}-{last}" for first, last in asked.slices) or None,
        budget=",".join(map(repr, asked.budgets)) or None,
        station_cost=asked.station_cost,
        closing_cost=asked.closing_cost,
        share=asked.share,
        backup=asked.backup,
        curve=asked.curve,
        simulate=asked.simulate,
        time_limit=asked.time_limit_s,
        seed=asked.seed,
    )
    if asked.marginal is not None:
        yield "--marginal" if asked.marginal else "--no-marginal"
    if asked.plans == 1:
        yield f"--scenario={PLANNED}"
    yield f"--picture={RESULT}/plan.png"
    yield from _ending(f"{RESULT}/plan.json")


def _replicated(asked: SimulateJob | CompareJob) -> list[str]:
    return _given(replications=asked.replications, seed=asked.seed)


def _ending(out: str) -> list[str]:
    return [f"--out={out}", "--json"]


def _given(**options: float | str | None) -> list[str]:
    """Write options; those that are None are left out."""
    return [
        f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
        if value is not None
    ]


def _named(option: str, given: Mapping[str, object] | float | str | None) -> Sequence[str]:
    """Write what is said of all, or by name."""
    if given is None:
        return []
    if isinstance(given, (int, float, str)):
        return [f"{option}={given}"]
    return [f"{option}={name}={value}" for name, value in given.items()]
