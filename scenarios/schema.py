"""What all parts of ``scenario.toml`` are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Hour = Annotated[int, Field(ge=0, le=23)]


class Model(BaseModel):
    """A table whose fields are all known, and which does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Duration(Model):
    """A random duration in seconds, by its mean and coefficient of variation."""

    distribution: Literal["constant", "exponential", "lognormal"]
    mean_s: Seconds
    cv: Annotated[float, Field(ge=0, le=10)] = 0.0
