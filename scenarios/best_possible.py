"""How far policies are from the best that anyone could have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from routing.errors import InputError
from routing.progress import tracked
from scenarios.clairvoyance import LONGEST_MS, clairvoyant_bound
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import with_failures
from scenarios.terrain import limits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from engine.clairvoyant import Clairvoyant, Roads
    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario


@dataclass(frozen=True, eq=False)
class BestPossible:
    """The bound for each replication.

    Parameters
    ----------
    found : tuple of Clairvoyant
        Of each replication.
    limit_ms : ndarray of float64, shape (priorities,)
        From call to arrival; inf where being late does not count.
    priorities : tuple of str
        Their names.
    incidents : int
        How many of them count.
    """

    found: tuple[Clairvoyant, ...]
    limit_ms: NDArray[np.float64]
    priorities: tuple[str, ...]
    incidents: int

    @property
    def late(self) -> NDArray[np.int64]:
        """Least number of late arrivals by replication."""
        return np.array([each.bound for each in self.found])

    def to_json_dict(self) -> dict[str, Any]:
        """Return what was found.

        Returns
        -------
        dict
            For ``comparison.json``.
        """
        late = int(self.late.sum())
        plans = [each.reached for each in self.found]
        reached = None if None in plans else sum(plan or 0 for plan in plans)
        return {
            "late": late,
            "incidents": self.incidents,
            "share": late / max(1, self.incidents),
            "reached": reached,
            "proven": reached == late,
            "longest_s": LONGEST_MS / 1000,
            "meaning": "late arrivals of anyone who knew all incidents, lets units drive home "
            "when they are free, and lets nobody wait longer than longest_s beyond the limit; "
            "of the priorities that a standard is for, by its limit",
        }

    def beside(self, incidents: pd.DataFrame, *, moves: bool) -> dict[str, Any]:
        """Compare a run with the bound.

        Parameters
        ----------
        incidents : DataFrame
            Its incidents.
        moves : bool
            Whether its policy moves units, so that the bound is none for it.

        Returns
        -------
        dict
            Late arrivals, their share, the ratio to the bound, and whether the bound
            holds for it.
        """
        limits = dict(zip(self.priorities, (self.limit_ms / 1000).tolist(), strict=True))
        limit = incidents["priority"].astype(str).map(limits).to_numpy(np.float64)
        response = incidents["response_time"].to_numpy(np.float64)
        counts = np.isfinite(limit)
        late = int((~(response <= limit))[counts].sum())
        longest = np.where(counts, limit, limit[counts].max(initial=0.0)) + LONGEST_MS / 1000
        waits = bool((~(response <= longest)).any())
        least = int(self.late.sum())
        return {
            "late": late,
            "share": late / max(1, int(counts.sum())),
            "ratio": late / least if least else None,
            "holds": not moves and not waits,
        }


def best_possible(
    scenario: Scenario, incidents: Sequence[IncidentTable], *, seed: int, progress: bool = False
) -> BestPossible:
    """Find how few incidents anyone could have reached late, had they known them all.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    incidents : sequence of IncidentTable
        The incidents of each replication.
    seed : int
        What they were drawn with; failures follow from it.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    BestPossible
        The bound.

    Raises
    ------
    InputError
        The bound does not know what the scenario asks for; see
        `scenarios.clairvoyance.crews_of`.
    """
    tables = build_tables(scenario)
    limit_ms, from_call, counts = limits_of(scenario)
    limit_ms = np.where(counts, limit_ms, np.inf)
    if not from_call[counts].all():
        raise InputError(
            "the bound knows standards that start with the call",
            field="scenario.toml: standards.start",
            fix="let them start with the call, or compare without --bound",
        )
    roads: dict[int, Roads] = {}
    found: list[Clairvoyant] = []
    work = tracked(incidents, "the best possible", "replication", shown=progress)
    for number, calls in enumerate(work):
        timeline = with_failures(tables.timeline, scenario, seed, number)
        found.append(clairvoyant_bound(tables, calls, limit_ms, timeline, roads=roads))
    names = tuple(priority.name for priority in scenario.settings.priorities)
    held = sum(int(counts[calls.priority].sum()) for calls in incidents)
    return BestPossible(tuple(found), limit_ms, names, held)
