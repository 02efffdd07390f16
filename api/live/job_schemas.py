"""What a job takes and gives, field by field; strict as `api.schemas`.

Names are those of the scenario and of bluelight's own models and policies. No field is a
path: a job reads and writes its own folder alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from scenarios.day_slices import fill_day

MOST_REPLICATIONS: Final = 10_000
"""Their incidents are drawn beforehand: of a month of a town, 100 kB each."""
MOST_AMOUNT: Final = 1e15
"""As on the command line: sums beyond lose their last figures."""

JobId = Annotated[str, Field(pattern=r"^J[1-9][0-9]{0,8}$", description="Such as J3.")]
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=1, max_length=100)]
Listed = Annotated[
    str,
    # commas separate these names on the command line
    Field(pattern=r"^[^\x00-\x1f\x7f,]+$", min_length=1, max_length=100),
]
Many = Annotated[int, Field(ge=1, le=10_000)]
Amount = Annotated[float, Field(ge=0, le=MOST_AMOUNT)]
Share = Annotated[float, Field(ge=0, le=1)]
Hour = Annotated[int, Field(ge=0, le=24)]
Policy = Annotated[
    Word,
    Field(
        description="A dispatch policy by its id, such as closest; after a + the id of a rule "
        "that moves free units: closest+dmexclp-move.",
        examples=["closest"],
    ),
]
HospitalPolicy = Annotated[
    Word,
    Field(description="Who chooses the hospital, by id, such as by-load.", examples=["by-load"]),
]
Replications = Annotated[
    int | None,
    Field(
        ge=1,
        le=MOST_REPLICATIONS,
        description="Independent runs of the horizon; null: 20, or 1 where the scenario's "
        "incidents are given.",
    ),
]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="Random seed.")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PlannedBy(_Model):
    """The scenario that a plan led to."""

    job: JobId = Field(description="A finished job of kind plan that made one plan.")


Scenario = Annotated[
    Literal["served"] | PlannedBy,
    Field(description="served: the one that this service serves; or what a plan made of it."),
]


class PlanJob(_Model):
    """Where stations should stand, and what each should hold; as ``bluelight plan``."""

    kind: Literal["plan"]
    scenario: Scenario = "served"
    model: Word = Field(default="mclp", description="A location model.")
    stations: Annotated[list[Many], Field(max_length=50)] = Field(
        default=[], description="How many stations; several numbers make several plans."
    )
    units: Literal["fleet"] | dict[Listed, Annotated[list[Many], Field(min_length=1)]] | None = (
        Field(
            default=None,
            description="Units to place by type, one number or one for each slice; or fleet: those "
            "of today. Null: a station serves as if a unit were always free.",
        )
    )
    capacity: Many | dict[Word, Many] | None = Field(
        default=None, description="Most units at a station, of any type or by type."
    )
    busy: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="Share of time that a unit is busy; null: by the demand."
    )
    existing: Literal["free", "keep"] = Field(
        default="free", description="Whether today's stations may close."
    )
    keep: Annotated[list[Listed], Field(max_length=1_000)] = Field(
        default=[], description="Sites to be open."
    )
    forbid: Annotated[list[Listed], Field(max_length=1_000)] = Field(
        default=[], description="Sites not to open."
    )
    candidates: Annotated[str, Field(pattern=r"^(zones|nodes|grid:[0-9]{2,5})$")] = Field(
        default="zones", description="New sites to choose from; grid:500 is metres."
    )
    standard: Word | dict[Word, Word] | None = Field(
        default=None, description="Name of the response standard, maybe by type of unit."
    )
    longer_limit_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None, description="Second limit of dsm, seconds."
    )
    slices: Annotated[
        list[Annotated[list[Hour], Field(min_length=2, max_length=2)]], Field(max_length=24)
    ] = Field(default=[], description="Hours from and to, such as [[7, 19], [19, 7]].")
    floors: Share | dict[Word, Share] | None = Field(
        default=None, description="Least share covered, of every district or by district."
    )
    budgets: Annotated[list[Amount], Field(max_length=50)] = Field(
        default=[], description="Most that all may cost; several make several plans."
    )
    station_cost: Amount = 0.0
    closing_cost: Amount = 0.0
    unit_cost: Amount | dict[Word, Amount] | None = None
    share: Share | None = Field(default=None, description="Of lscp and dsm.")
    backup: Share | None = Field(default=None, description="Of bacop.")
    curve: Word | None = Field(default=None, description="Of survival.")
    marginal: bool | None = Field(
        default=None, description="Tell what one more or less is worth; null: of one plan."
    )
    simulate: Annotated[int, Field(ge=2, le=MOST_REPLICATIONS)] | None = Field(
        default=None, description="Also simulate the plan, in so many replications."
    )
    time_limit_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=60.0, description="For each plan; then the best one found and its bound."
    )
    seed: Seed = 0

    @property
    def plans(self) -> int:
        """How many plans are asked for."""
        return max(1, len(self.stations)) * max(1, len(self.budgets))

    @model_validator(mode="after")
    def _whole(self) -> PlanJob:
        if not (self.stations or self.budgets or self.units or self.model.startswith("lscp")):
            raise PydanticCustomError(
                "no_number",
                "nothing says how many stations",
                {"fix": "give stations, units or budgets"},
            )
        if self.simulate is not None and self.plans > 1:
            raise PydanticCustomError(
                "several_plans",
                "several plans make no one scenario to simulate",
                {"fix": "give one number of stations and one budget, or no simulate"},
            )
        if (
            self.simulate is not None
            and self.units is not None
            and self.slices
            and not fill_day((first, last) for first, last in self.slices)
        ):
            raise PydanticCustomError(
                "slices",
                "the slices leave hours in which nothing says which units are on duty",
                {"fix": "let slices fill the day, as [[7, 19], [19, 7]], or leave simulate out"},
            )
        return self


class SimulateJob(_Model):
    """Emergencies under a dispatch policy; as ``bluelight simulate``."""

    kind: Literal["simulate"]
    scenario: Scenario = "served"
    policy: Policy = "closest"
    hospital: HospitalPolicy | None = Field(
        default=None, description="Who chooses the hospital; null: what the scenario says."
    )
    replications: Replications = None
    seed: Seed = 1
    precision: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="Replicate until half of the 95 % interval of precision_of is no more than "
        "this share of it, such as 0.005.",
    )
    precision_of: Literal["mean", "within"] = "mean"


class CompareJob(_Model):
    """Policies and scenarios on the very same emergencies; as ``bluelight compare``."""

    kind: Literal["compare"]
    scenarios: Annotated[list[Scenario], Field(min_length=1, max_length=20)] = Field(
        default=["served"], description="The first under the first policy is the base."
    )
    policies: Annotated[list[Policy], Field(min_length=1, max_length=20)] = ["closest"]
    hospitals: Annotated[list[HospitalPolicy], Field(max_length=5)] = Field(
        default=[], description="Who chooses the hospital; empty: what the scenarios say."
    )
    replications: Replications = None
    seed: Seed = 1
    bound: bool = Field(
        default=False,
        description="Find how few incidents anyone could have reached late who knew them all.",
    )

    @model_validator(mode="after")
    def _several(self) -> CompareJob:
        if len(self.scenarios) * len(self.policies) * max(1, len(self.hospitals)) < 2:
            raise PydanticCustomError(
                "nothing_to_compare",
                "one scenario and one policy are nothing to compare",
                {"fix": "name another policy, another hospital policy or another scenario"},
            )
        if any(len(set(each)) < len(each) for each in (self.policies, self.hospitals)):
            raise PydanticCustomError("repeated", "a policy is named twice")
        named = [each if isinstance(each, str) else each.job for each in self.scenarios]
        if twice := sorted({each for each in named if named.count(each) > 1}):
            raise PydanticCustomError(
                "repeated",
                "scenario {name} is named twice",
                {"name": twice[0], "fix": "name each scenario once"},
            )
        return self


class ReplayJob(_Model):
    """The incidents of a run again; as ``bluelight replay``."""

    kind: Literal["replay"]
    job: JobId = Field(description="A finished job of kind simulate or replay.")
    policy: Policy | None = Field(
        default=None, description="Another policy; null: the same, and the bytes are compared."
    )


NewJob = Annotated[PlanJob | SimulateJob | CompareJob | ReplayJob, Field(discriminator="kind")]

State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
ENDED: Final = ("done", "failed", "cancelled", "interrupted")

FileName = Literal[
    "report.html",
    "summary.json",
    "manifest.json",
    "comparison.json",
    "events.parquet",
    "incidents.parquet",
    "statistics.csv",
    "statistics.parquet",
    "plan.json",
    "plan.png",
]


class JobView(_Model):
    """A job as it is."""

    id: str
    kind: Literal["plan", "simulate", "compare", "replay"]
    state: State = Field(
        description="interrupted: the service stopped while it ran, and did not begin it again."
    )
    progress: float | None = Field(
        description="0 to 1, of what can be counted; null: nothing can be, or it did not come "
        "to an end."
    )
    doing: str | None = Field(description="What is being done while it runs, and how far.")
    actor: str = Field(description="Who asked for it.")
    created_at: str
    started_at: str | None
    ended_at: str | None
    deleted_at: str | None
    starts: int = Field(description="How often it was begun: again after the service was killed.")
    request: dict[str, Any] = Field(description="What was asked for.")
    error: str | None = Field(description="Why it failed, in one line.")
    warnings: list[str] = Field(
        description="What to know of its result: hours in which nobody is on duty, zones that "
        "nobody reaches, and the like; each in one line."
    )
    result: bool = Field(description="Whether there is a result.")
    files: list[FileName] = Field(description="Files of the result.")


class Jobs(_Model):
    """Jobs, the newest first."""

    jobs: list[JobView]
