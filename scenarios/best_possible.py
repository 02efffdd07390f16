"""How far policies are from the best that anyone could have done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.clairvoyant import clairvoyant
from routing.errors import InputError
from routing.progress import tracked
from scenarios.clairvoyance import LONGEST_MS, offline_problem
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import duties, with_failures
from scenarios.statistics import estimate, ratio
from scenarios.terrain import limits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from engine.clairvoyant import Clairvoyant, Roads
    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario

_INSTANT_S: Final = 1e-6


@dataclass(frozen=True, eq=False)
class BestPossible:
    """The bound for each replication.

    Parameters
    ----------
    found : tuple of Clairvoyant
        Of each replication, for anyone.
    at_once : tuple of Clairvoyant
        The same for those who let nobody wait while a unit is free.
    able : dict of str to ndarray of bool, shape (units,)
        Units that can serve each type of incident.
    off_s : tuple of tuple of ndarray of float64, shape (spans, 2)
        When each unit is off duty, in each replication.
    units : tuple of str
        Their ids.
    limit_ms : ndarray of float64, shape (priorities,)
        From call to arrival; inf where being late does not count.
    priorities : tuple of str
        Their names.
    incidents : int
        How many of them count.
    """

    found: tuple[Clairvoyant, ...]
    at_once: tuple[Clairvoyant, ...]
    able: dict[str, NDArray[np.bool_]]
    off_s: tuple[tuple[NDArray[np.float64], ...], ...]
    units: tuple[str, ...]
    limit_ms: NDArray[np.float64]
    priorities: tuple[str, ...]
    incidents: int

    def to_json_dict(self) -> dict[str, Any]:
        """Return what was found.

        Returns
        -------
        dict
            For ``comparison.json``.
        """
        return {
            **_shared(_sums(self.found), self.incidents),
            "incidents": self.incidents,
            "longest_s": LONGEST_MS / 1000,
            "meaning": "late arrivals of anyone who knew all incidents, lets units drive home "
            "when they are free, and lets nobody wait longer than longest_s beyond the limit; "
            "of the priorities that a standard is for, by its limit",
            "at_once": {
                **_shared(_sums(self.at_once), self.incidents),
                "meaning": "the same of who lets nobody wait while a unit is free",
            },
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
            Late arrivals, their share, the ratio to the bound with its 95 % interval over
            replications, and whether the bound holds for it; in ``at_once``, the ratio to
            the bound of those who let nobody wait while a unit is free.
        """
        limits = dict(zip(self.priorities, (self.limit_ms / 1000).tolist(), strict=True))
        limit = incidents["priority"].astype(str).map(limits).to_numpy(np.float64)
        response = incidents["response_time"].to_numpy(np.float64)
        counts = np.isfinite(limit)
        missed = ~(response <= limit) & counts
        late = np.bincount(incidents["replication"][missed], minlength=len(self.found))
        longest = np.where(counts, limit, limit[counts].max(initial=0.0)) + LONGEST_MS / 1000
        holds = not moves and bool((response <= longest).all())
        at_once = holds and not self._waited_beside_a_free_unit(incidents)
        return {
            "late": int(late.sum()),
            "share": float(late.sum()) / max(1, int(counts.sum())),
            **_ratio(late, self.found, holds=holds),
            "at_once": _ratio(late, self.at_once, holds=at_once),
        }

    def _waited_beside_a_free_unit(self, incidents: pd.DataFrame) -> bool:
        for number, own in incidents.groupby("replication"):
            waits = own["queue_time"].to_numpy(np.float64)
            if not (waits > 0.0).any():
                continue
            ready = (own["call_time"] + own["processing_time"]).to_numpy(np.float64)
            begin = ready + waits
            stay = own[["on_scene_time", "transport_time", "handover_time"]].fillna(0.0)
            end = (own["call_time"] + own["response_time"] + stay.sum(axis=1)).to_numpy(np.float64)
            unit, kind = own["unit"].astype(str).to_numpy(), own["type"].astype(str).to_numpy()
            busy = []
            for name, off in zip(self.units, self.off_s[int(str(number))], strict=True):
                mine = unit == name
                spans = np.concatenate([np.stack([begin[mine], end[mine]], axis=1), off])
                busy.append(spans[np.argsort(spans[:, 0], kind="stable")])
            for row in np.flatnonzero(waits > 0.0):
                for one in np.flatnonzero(self.able[kind[row]]):
                    if not _cover(busy[one], ready[row], begin[row]):
                        return True
        return False


def _cover(spans: NDArray[np.float64], begin: float, end: float) -> bool:
    """Tell whether spans, in the order of their starts, leave no moment between two free."""
    inside = spans[(spans[:, 1] > begin) & (spans[:, 0] < end)]
    upto = np.maximum.accumulate(np.append(begin, inside[:, 1]))
    return bool((np.append(inside[:, 0], end) <= upto + _INSTANT_S).all())


class _Sums(NamedTuple):
    late: int
    reached: int | None


def _sums(found: Sequence[Clairvoyant]) -> _Sums:
    """Add replications up."""
    plans = [each.reached for each in found if each.reached is not None]
    late = sum(each.bound for each in found)
    return _Sums(late, sum(plans) if len(plans) == len(found) else None)


def _shared(sums: _Sums, incidents: int) -> dict[str, Any]:
    return {
        "late": sums.late,
        "share": sums.late / max(1, incidents),
        "reached": sums.reached,
        "proven": sums.reached == sums.late,
    }


def _ratio(
    late: NDArray[np.signedinteger], found: Sequence[Clairvoyant], *, holds: bool
) -> dict[str, Any]:
    """Return how many times as often somebody was late, with its interval if there is one."""
    bound = np.array([each.bound for each in found], dtype=np.float64)
    if not bound.any():
        return {"ratio": None, "low": None, "high": None, "holds": holds}
    own = estimate(ratio(late, bound))
    value = float(
        late.sum() / bound.sum()
    )  # of one replication, too, of which there is no interval
    return {"ratio": value, "low": own.low, "high": own.high, "holds": holds}


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
    at_once: list[Clairvoyant] = []
    off_s = []
    work = tracked(incidents, "the best possible", "replication", shown=progress)
    for number, calls in enumerate(work):
        timeline = with_failures(tables.timeline, scenario, seed, number)
        problem = offline_problem(tables, calls, limit_ms, timeline, roads=roads)
        found.append(clairvoyant(*problem))
        sharper = clairvoyant(*problem, at_once=True)
        # what binds anyone binds them too
        at_once.append(replace(sharper, bound=max(sharper.bound, found[-1].bound)))
        spans = (duties(timeline, unit) for unit in range(len(scenario.units)))
        off_s.append(tuple(_between(each) / 1000 for each in spans))
    names = tuple(priority.name for priority in scenario.settings.priorities)
    held = sum(int(counts[calls.priority].sum()) for calls in incidents)
    rules, types = tables.rules, scenario.settings.types
    need = rules.slots["need"][rules.alternative_ptr[rules.type_ptr[:-1]]]
    return BestPossible(
        found=tuple(found),
        at_once=tuple(at_once),
        able={kind.name: row for kind, row in zip(types, rules.suitable[need], strict=True)},
        off_s=tuple(off_s),
        units=tuple(scenario.units["id"].astype(str)),
        limit_ms=limit_ms,
        priorities=names,
        incidents=held,
    )


def _between(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what lies before, between and after spans."""
    edges = np.concatenate([[-np.inf], spans.ravel(), [np.inf]]).reshape(-1, 2)
    return np.asarray(edges[edges[:, 0] < edges[:, 1]])
