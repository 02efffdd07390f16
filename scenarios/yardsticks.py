"""What a fleet is judged by, computed from the arrays of a replication alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.survival import survival_curve
from scenarios.demand import DAY_MS, horizon_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable
    from scenarios.settings import Settings, Standard

_YEAR_MS: Final = 365.25 * DAY_MS


class Yardstick(NamedTuple):
    """Something to be judged by: a sum over a sum.

    Parameters
    ----------
    says : str
        What it is, in words.
    sign : int
        1 where more is better, -1 where less is.
    """

    says: str
    sign: int


YARDSTICKS: Final = {
    "within": Yardstick("share within the response standard", 1),
    "mean": Yardstick("mean response in seconds", -1),
    "survivors": Yardstick("expected survivors a year", 1),
}
"""By name; the order is that of the columns of `Scale.read`."""


class Scale(NamedTuple):
    """How the yardsticks of a scenario are read.

    Parameters
    ----------
    settings : Settings
        Its rules.
    standard : Standard
        The response standard of ``within``.
    """

    settings: Settings
    standard: Standard

    def read(
        self, incidents: IncidentTable, served: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure one replication by every yardstick.

        Parameters
        ----------
        incidents : IncidentTable
            The incidents.
        served : ndarray of LEG, shape (incidents,)
            What became of them.

        Returns
        -------
        ndarray of float64, shape (3,)
            Numerators: incidents in time; seconds of response, NaN where somebody was
            left waiting for ever; survivors.
        ndarray of float64, shape (3,)
            Denominators: incidents that the standard is for; incidents; years. They
            are the same whatever the fleet does.
        """
        response_ms = np.where(
            served["on_scene_ms"] >= 0, served["on_scene_ms"] - incidents.call_ms, np.nan
        )
        concerned = concerned_priorities(self.settings, self.standard)[incidents.priority]
        counted = elapsed_ms(self.standard, incidents, served)
        outcome = self.settings.outcome
        alive = survival_curve(outcome.survival, outcome.how)(
            np.nan_to_num(response_ms, nan=np.inf) / 1000
        )
        arrest = self.settings.arrest_shares[incidents.type]
        years = horizon_ms(self.settings.horizon) / _YEAR_MS
        within = counted[concerned] <= self.standard.limit_s * 1000
        numerator = [
            within.sum(),
            response_ms.sum() / 1000,
            (arrest * alive).sum(),
        ]
        return np.array(numerator), np.array([concerned.sum(), incidents.size, years], np.float64)


def concerned_priorities(settings: Settings, standard: Standard) -> NDArray[np.bool_]:
    """Tell which priorities a standard is for.

    Parameters
    ----------
    settings : Settings
        The rules.
    standard : Standard
        The standard.

    Returns
    -------
    ndarray of bool, shape (priorities,)
        True where it is for their incidents; all where it names none.
    """
    named = [not standard.priorities or p.name in standard.priorities for p in settings.priorities]
    return np.array(named, dtype=np.bool_)


def elapsed_ms(
    standard: Standard, incidents: IncidentTable, served: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the time that a standard counts.

    Parameters
    ----------
    standard : Standard
        The standard.
    incidents : IncidentTable
        The incidents.
    served : ndarray of LEG, shape (incidents,)
        What became of them.

    Returns
    -------
    ndarray of float64, shape (incidents,)
        Milliseconds until the first unit was on scene; ``inf`` where none came.
    """
    begin = served["dispatch_ms"] if standard.start == "dispatch" else incidents.call_ms
    return np.where(served["on_scene_ms"] >= 0, served["on_scene_ms"] - begin, np.inf)
