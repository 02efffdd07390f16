"""The same incidents under two policies: who was reached sooner, and by how much."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scenarios.measures import response_measures, told
from scenarios.recorded import AS_DECIDED

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.observations import Observations

_FIGURES: Final = ("response_mean", "response_p90")


def paired(seen: Observations, before: pd.DataFrame, policy: str) -> dict[str, Any]:
    """Compare responses to the very same incidents.

    Parameters
    ----------
    seen : Observations
        A run.
    before : DataFrame
        ``incidents.parquet`` of another run of the same incidents, in the same order.
    policy : str
        Who decided in that one.

    Returns
    -------
    dict
        ``before`` and ``after``, the mean and 90th percentile of responses and the share
        within each standard; ``difference``, after minus before, with intervals from the
        differences by replication or stretch of time, for means of those that were reached
        both times; whether what was before is ``observed``, not simulated; and how many
        were reached ``sooner``, ``later``, ``alike``, or not both times.
    """
    earlier = replace(seen, frame=before)
    was, now = earlier.ms("response_time"), seen.ms("response_time")
    both = ~np.isnan(was) & ~np.isnan(now)
    everyone = np.ones(len(was), dtype=np.bool_)
    sides = [response_measures(each, everyone) for each in (earlier, seen)]
    means = [response_measures(each, both) for each in (earlier, seen)]
    shares = [key for key in sides[0] if key.startswith("standard:")]
    difference = {key: means[1][key] - means[0][key] for key in _FIGURES}
    difference |= {key: sides[1][key] - sides[0][key] for key in shares}
    shown = [{key: side[key] for key in (*_FIGURES, *shares)} for side in sides]
    return {
        "policy_before": policy,
        "observed": policy == AS_DECIDED,
        "before": told(shown[0]),
        "after": told(shown[1]),
        "difference": told(difference),
        "sooner": int((now < was)[both].sum()),
        "later": int((now > was)[both].sum()),
        "alike": int((now == was)[both].sum()),
        "not_both": int((~both).sum()),
    }
