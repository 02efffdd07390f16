"""How far policies are from the best that anyone could have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from routing.errors import InputError
from scenarios.clairvoyance import LONGEST_MS, clairvoyant_bound
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import with_failures
from scenarios.terrain import limits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from engine.clairvoyant import Clairvoyant
    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario


@dataclass(frozen=True, eq=False)
class BestPossible:
    """The bound for each replication.

    Parameters
    ----------
    parts : tuple of tuple of Clairvoyant
        Of each replication, of each part.
    limit_ms : ndarray of float64, shape (priorities,)
        From call to arrival.
    priorities : tuple of str
        Their names.
    """

    parts: tuple[tuple[Clairvoyant, ...], ...]
    limit_ms: NDArray[np.float64]
    priorities: tuple[str, ...]

    @property
    def late(self) -> NDArray[np.int64]:
        """Least number of late arrivals by replication."""
        return np.array([sum(part.bound for part in parts) for parts in self.parts])

    @property
    def incidents(self) -> int:
        """All incidents."""
        return sum(part.incidents for parts in self.parts for part in parts)

    def to_json_dict(self) -> dict[str, Any]:
        """Return what was found.

        Returns
        -------
        dict
            For ``comparison.json``.
        """
        whole = all(len(parts) == 1 for parts in self.parts)
        late = int(self.late.sum())
        return {
            "late": late,
            "incidents": self.incidents,
            "share": late / max(1, self.incidents),
            "reached": sum(part.reached for parts in self.parts for part in parts)
            if whole
            else None,
            "proven": whole and all(part.proven for parts in self.parts for part in parts),
            "longest_s": LONGEST_MS / 1000,
            "meaning": "late arrivals of anyone who knew all incidents, lets units drive home "
            "when they are free, and lets nobody wait longer than longest_s beyond the limit",
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
        limit = incidents["priority"].astype(str).map(limits).astype(np.float64)
        response = incidents["response_time"].to_numpy(np.float64)
        late = int((~(response <= limit.to_numpy())).sum())
        waits = bool((~(response <= limit.to_numpy() + LONGEST_MS / 1000)).any())
        least = int(self.late.sum())
        return {
            "late": late,
            "share": late / max(1, len(incidents)),
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
    limit_ms, from_call = limits_of(scenario)
    if not from_call.all():
        raise InputError(
            "the bound knows standards that start with the call", field="standards: start"
        )
    numbers = tqdm(
        range(len(incidents)), desc="the best possible", disable=None if progress else True
    )
    parts = []
    for number in numbers:
        timeline = with_failures(tables.timeline, scenario, seed, number)
        parts.append(tuple(clairvoyant_bound(tables, incidents[number], limit_ms, timeline)))
    names = tuple(priority.name for priority in scenario.settings.priorities)
    return BestPossible(tuple(parts), limit_ms, names)
