"""Queues: who waited for a unit, and how many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scenarios.demand import horizon_ms
from scenarios.statistics import Measure, ratio

if TYPE_CHECKING:
    from scenarios.observations import Observations


def queue_measures(seen: Observations) -> dict[str, Measure]:
    """Measure the queue of incidents that wait for a unit, call processing over.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    dict of str to Measure
        ``queue_length``, incidents that wait on average over time; ``queue_longest``,
        the longest queue of a replication (of a stretch of time where there is only
        one), on average over them.
    """
    ready = seen.ms("call_time") + seen.ms("processing_time")
    wait = seen.ms("queue_time")
    waited = np.flatnonzero((wait > 0) | np.isnan(wait))
    begin = ready[waited]
    end = np.where(np.isnan(wait[waited]), np.inf, begin + wait[waited])
    last = horizon_ms(seen.scenario.settings.horizon)
    length = np.minimum(end, last) - np.minimum(begin, last)
    total = np.bincount(seen.group[waited], weights=length, minlength=seen.groups)
    span = np.full(seen.groups, seen.group_ms)
    longest = np.zeros(seen.groups)
    replication = seen.frame["replication"].to_numpy(np.int64)[waited]
    change = np.repeat([1, -1], len(waited))
    # who is served at a moment makes room before who joins then
    order = np.lexsort((change, np.append(begin, end), np.tile(replication, 2)))
    queue = np.cumsum(change[order])
    joins = order < len(waited)
    np.maximum.at(longest, seen.group[waited][order[joins]], queue[joins])
    return {
        "queue_length": ratio(total, span),
        "queue_longest": ratio(longest, np.ones(seen.groups)),
    }
