"""The incidents of a run as arrays, in groups that are independent of each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.demand import horizon_ms
from scenarios.run_tables import to_ms
from scenarios.statistics import BATCHES, groups_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.fleet_work import FleetWork
    from scenarios.hospital_waits import GroupedWaits
    from scenarios.package import Scenario


@dataclass(frozen=True, eq=False)
class Observations:
    """The incidents of a run as arrays, and their groups.

    Parameters
    ----------
    frame : DataFrame
        ``incidents.parquet``, times in seconds.
    group : ndarray of int64, shape (n,)
        Group of each incident; see `scenarios.statistics`.
    groups : int
        How many groups.
    group_ms : int
        Span of time of one.
    work : FleetWork
        What units did, in the same groups.
    scenario : Scenario
        Where it was.
    waits : GroupedWaits, optional
        How long crews waited for a bay; None where they cannot, or where it is not known.
    """

    frame: pd.DataFrame
    group: NDArray[np.int64]
    groups: int
    group_ms: int
    work: FleetWork
    scenario: Scenario
    waits: GroupedWaits | None = None

    def only(self, mask: NDArray[np.bool_]) -> Observations:
        """Return some of the incidents.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,)
            Which.

        Returns
        -------
        Observations
            These alone; the groups, what units did and waits at hospitals stay.
        """
        return replace(self, frame=self.frame[mask], group=self.group[mask])

    def sums(self, values: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Add up values in each group.

        Parameters
        ----------
        values : ndarray, shape (n,)
            A value for each incident.
        mask : ndarray of bool, shape (n,)
            Which incidents count.

        Returns
        -------
        ndarray of float64, shape (groups,)
            Sums; exact where the values are whole numbers.
        """
        total = np.bincount(self.group[mask], weights=values[mask], minlength=self.groups)
        return total.astype(np.float64)

    def ms(self, column: str) -> NDArray[np.float64]:
        """Return a column of seconds as milliseconds, NaN where it is null.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        ndarray of float64, shape (n,)
            Milliseconds.
        """
        seconds: NDArray[np.float64] = self.frame[column].to_numpy(np.float64)
        return to_ms(seconds)


def observe(
    scenario: Scenario,
    frame: pd.DataFrame,
    work: FleetWork,
    replications: int,
    waits: GroupedWaits | None = None,
) -> Observations:
    """Group the incidents of a run.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    frame : DataFrame
        Its incidents.
    work : FleetWork
        What units did in each group.
    replications : int
        How many replications it has.
    waits : GroupedWaits, optional
        How long crews waited for a bay, in the same groups.

    Returns
    -------
    Observations
        Ready for statistics.
    """
    span = horizon_ms(scenario.settings.horizon)
    call_ms = to_ms(frame["call_time"].to_numpy(np.float64))
    group, groups = groups_of(frame["replication"].to_numpy(), call_ms, replications, span)
    group_ms = span if replications > 1 else span // BATCHES
    return Observations(frame, group, groups, group_ms, work, scenario, waits)


def parts_of(seen: Observations, column: str) -> dict[str, NDArray[np.bool_]]:
    """Split the incidents of a run by a column.

    Parameters
    ----------
    seen : Observations
        The run.
    column : str
        ``priority``, ``type`` or ``district``.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        Which incidents, for each value in the order of the settings or the alphabet.
    """
    values = seen.frame[column]
    return {str(name): (values == name).to_numpy() for name in values.cat.categories}
