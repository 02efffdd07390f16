"""Published curves of survival by response time, and what they make of a fleet's minutes.

Each curve was fitted to somebody else's patients in another decade. What was checked of
each, and what was not, stands in its docstring; "checked" means that form, coefficients
and unit were compared with public restatements; no article itself was read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Curve = Callable[[ArrayLike], NDArray[np.float64]]


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit  # noqa: PLC0415  # the service begins without it

    probability: NDArray[np.float64] = expit(x)
    return probability


@dataclass(frozen=True)
class Resuscitation:
    """How the times that curves ask for follow from the response time.

    All defaults are assumptions, none was measured here. `collapse_to_call_s` of a
    minute is what a public model of volunteer responders assumes as well.

    Parameters
    ----------
    collapse_to_call_s : float
        Seconds from the collapse to the call.
    bystander_cpr_share : float
        Share of arrests where a bystander begins chest compressions.
    call_to_bystander_cpr_s : float
        Seconds from the call to the bystander's first compression. A crew that is
        sooner there begins itself.
    arrival_to_cpr_s, arrival_to_shock_s, arrival_to_acls_s : float
        Seconds from the arrival of the crew to its first compression, first shock and
        advanced life support.
    shockable_share : float
        Share of arrests of the kind that Valenzuela and Larsen saw: witnessed, in
        ventricular fibrillation. Of the others nobody is counted as saved by their
        curves. 1 takes these curves for all arrests, as McCormack and Coates do, and
        says too much: most arrests are of another kind.

    Raises
    ------
    InputError
        A time is negative or not finite, or a share is not within 0 and 1.
    """

    collapse_to_call_s: float = 60.0
    bystander_cpr_share: float = 0.5
    call_to_bystander_cpr_s: float = 120.0
    arrival_to_cpr_s: float = 60.0
    arrival_to_shock_s: float = 120.0
    arrival_to_acls_s: float = 300.0
    shockable_share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no time and no share."""
        for each in fields(self):
            value = getattr(self, each.name)
            most = 1.0 if each.name.endswith("_share") else np.finfo(np.float64).max
            if not 0 <= value <= most:
                raise InputError(
                    f"{each.name} is {value:g}",
                    field=f"outcome.resuscitation.{each.name}",
                    fix="from 0 to 1" if most == 1 else "seconds, at least 0",
                )


ASSUMED: Final = Resuscitation()
"""The defaults."""


def de_maio_2003(response_s: ArrayLike) -> NDArray[np.float64]:
    r"""Probability that a cardiac arrest outside hospital is survived to discharge.

    :math:`s(t) = 1 / (1 + e^{0.679 + 0.262 t})`, t in minutes from the call to the
    arrival of a crew with a defibrillator; a logistic regression on the Ontario
    Prehospital Advanced Life Support study.

    De Maio, Stiell, Wells, Spaite 2003, Annals of Emergency Medicine 42(2), 242-250,
    doi:10.1067/mem.2003.266. The article is not open. Form, coefficients and unit were
    checked against three independent restatements in public simulation code (an
    ambulance simulator that cites the DOI, two models of volunteer responders), which
    agree to the digit; one of them puts the collapse one minute before the call. A
    summary of the article (American Family Physician 2004, 69(4), 957) reports that
    arrival after five minutes would have doubled the survival at eight: the curve
    gives 2.05 times.

    Parameters
    ----------
    response_s : array_like of float
        Response times in seconds from the call; inf where nobody came.

    Returns
    -------
    ndarray of float64
        Probabilities, same shape.
    """
    minutes = np.asarray(response_s, dtype=np.float64) / 60
    return _logistic(-(0.679 + 0.262 * minutes))


def mccormack_coates_2015(response_s: ArrayLike) -> NDArray[np.float64]:
    r"""Probability that a cardiac arrest is survived, as McCormack and Coates take it.

    :math:`s(t) = 1 / (1 + e^{-0.26 + 0.139 t})`, t in minutes of response time: that of
    `valenzuela_1997` with compressions from the collapse on and a shock on arrival, and
    so the most hopeful of the curves here.

    McCormack, Coates 2015, A simulation model to enable the optimization of ambulance
    fleet allocation and base station location for increased patient survival, European
    Journal of Operational Research 247(1), 294-309; DOI not verified. Checked: a public
    reimplementation that cites the article and its equation 3,
    and an independent one of patients of three specialities agree on both coefficients,
    the sign and the unit. A third, of ambulance allocation with the same three classes
    of patients as the second, writes :math:`+0.26`: then nobody would survive above 44 %
    if help came at once, against the 67 % of `larsen_1993`, which has as many patients
    of King County as `valenzuela_1997`. The minus is taken.

    Parameters
    ----------
    response_s : array_like of float
        Response times in seconds; inf where nobody came.

    Returns
    -------
    ndarray of float64
        Probabilities, same shape.
    """
    minutes = np.asarray(response_s, dtype=np.float64) / 60
    return _logistic(0.26 - 0.139 * minutes)


def valenzuela_1997(cpr_s: ArrayLike, shock_s: ArrayLike) -> NDArray[np.float64]:
    r"""Probability that a witnessed arrest in ventricular fibrillation is survived.

    :math:`s = 1 / (1 + e^{-0.260 + 0.106 c + 0.139 d})`, c and d in minutes from the
    collapse to chest compressions and to the first shock; the simplified model of the
    article, a logistic regression on 205 patients in Tucson and 1,667 in King County.

    Valenzuela, Roe, Cretin, Spaite, Larsen 1997, Circulation 96(10), 3308-3313,
    doi:10.1161/01.CIR.96.10.3308 (verified in bibliographies). Checked: public code that
    places defibrillators has all three coefficients with these signs; the intercept and
    0.139 stand in the two statements named at `mccormack_coates_2015` too, where one
    with the sign of the intercept reversed is told of. For 0.106 a second independent
    statement was not found: it is checked once only. That these two times are what the
    simplified model keeps is said in the article's abstract.

    Parameters
    ----------
    cpr_s, shock_s : array_like of float
        Seconds from the collapse; inf where it never came to that.

    Returns
    -------
    ndarray of float64
        Probabilities, in the shape that both broadcast to.
    """
    cpr, shock = (np.asarray(each, dtype=np.float64) / 60 for each in (cpr_s, shock_s))
    return _logistic(0.260 - 0.106 * cpr - 0.139 * shock)


def larsen_1993(cpr_s: ArrayLike, shock_s: ArrayLike, acls_s: ArrayLike) -> NDArray[np.float64]:
    r"""Probability that an arrest in ventricular fibrillation is survived to discharge.

    :math:`s = 0.67 - 0.023 c - 0.011 d - 0.021 a`, at least 0; c, d and a in minutes
    from the collapse to chest compressions, first shock and advanced life support; a
    linear regression on 1,667 patients in King County.

    Larsen, Eisenberg, Cummins, Hallstrom 1993, Annals of Emergency Medicine 22(11),
    1652-1658, doi:10.1016/S0196-0644(05)81302-2 (verified in several bibliographies).
    Checked: the article's abstract and an independent collection of medical algorithms
    agree on all four numbers, and on 5.5 % a minute without any help and no survival
    after just over twelve. A shortened form with 0.046 for d and none for a is about in
    student work; it is not the article's.

    Parameters
    ----------
    cpr_s, shock_s, acls_s : array_like of float
        Seconds from the collapse; inf where it never came to that.

    Returns
    -------
    ndarray of float64
        Probabilities, in the shape that all broadcast to.
    """
    cpr, shock, acls = (
        np.asarray(each, dtype=np.float64) / 60 for each in (cpr_s, shock_s, acls_s)
    )
    probability: NDArray[np.float64] = np.maximum(
        0.67 - 0.023 * cpr - 0.011 * shock - 0.021 * acls, 0.0
    )
    return probability


def _of_valenzuela(response_s: ArrayLike, how: Resuscitation) -> NDArray[np.float64]:
    arrival = np.asarray(response_s, dtype=np.float64) + how.collapse_to_call_s
    return _mixed(arrival, how, partial(valenzuela_1997, shock_s=arrival + how.arrival_to_shock_s))


def _of_larsen(response_s: ArrayLike, how: Resuscitation) -> NDArray[np.float64]:
    arrival = np.asarray(response_s, dtype=np.float64) + how.collapse_to_call_s
    shock, acls = arrival + how.arrival_to_shock_s, arrival + how.arrival_to_acls_s
    return _mixed(arrival, how, partial(larsen_1993, shock_s=shock, acls_s=acls))


def _mixed(
    arrival_s: NDArray[np.float64], how: Resuscitation, by_cpr: Curve
) -> NDArray[np.float64]:
    """Weigh arrests with and without a bystander who begins."""
    crew = arrival_s + how.arrival_to_cpr_s
    bystander = np.minimum(crew, how.collapse_to_call_s + how.call_to_bystander_cpr_s)
    share = how.bystander_cpr_share
    return how.shockable_share * (share * by_cpr(bystander) + (1 - share) * by_cpr(crew))


def _of_mccormack(response_s: ArrayLike, how: Resuscitation) -> NDArray[np.float64]:
    return how.shockable_share * mccormack_coates_2015(response_s)


def _of_de_maio(response_s: ArrayLike, how: Resuscitation) -> NDArray[np.float64]:  # noqa: ARG001
    return de_maio_2003(response_s)


@dataclass(frozen=True)
class Source:
    """A published curve: where it is from and how it is computed.

    Parameters
    ----------
    about : str
        Whose survival it is of, in words.
    reference : str
        Article and DOI.
    compute : callable
        From response times in seconds and a `Resuscitation` to probabilities.
    """

    about: str
    reference: str
    compute: Callable[[ArrayLike, Resuscitation], NDArray[np.float64]]


CURVES: Final[dict[str, Source]] = {
    "de-maio-2003": Source(
        "all cardiac arrests, by response time",
        "De Maio et al. 2003, doi:10.1067/mem.2003.266",
        _of_de_maio,
    ),
    "valenzuela-1997": Source(
        "witnessed ventricular fibrillation, by time to compressions and shock",
        "Valenzuela et al. 1997, doi:10.1161/01.CIR.96.10.3308",
        _of_valenzuela,
    ),
    "larsen-1993": Source(
        "ventricular fibrillation, by time to compressions, shock and advanced life support",
        "Larsen et al. 1993, doi:10.1016/S0196-0644(05)81302-2",
        _of_larsen,
    ),
    "mccormack-coates-2015": Source(
        "as Valenzuela, compressions from the collapse on, by response time",
        "McCormack and Coates 2015, European Journal of Operational Research 247(1), 294-309",
        _of_mccormack,
    ),
}
"""Published survival curves by name."""


def survival_curve(name: str, how: Resuscitation = ASSUMED) -> Curve:
    """Return the survival curve of a name.

    Parameters
    ----------
    name : str
        One of `CURVES`.
    how : Resuscitation
        How its times follow from the response time.

    Returns
    -------
    callable
        From response times in seconds to probabilities; never rising, zero at inf.

    Raises
    ------
    InputError
        There is no such curve.
    """
    if name not in CURVES:
        raise InputError(
            f"unknown survival curve {name!r}",
            field="outcome.survival",
            fix=did_you_mean(name, CURVES),
        )
    compute = CURVES[name].compute
    return lambda response_s: compute(response_s, how)


def expected_survivors(response_s: ArrayLike, curve: str = "de-maio-2003") -> float:
    """Add up the survival probabilities of cardiac arrests with given response times.

    Parameters
    ----------
    response_s : array_like of float, shape (arrests,)
        Response times in seconds; inf where nobody came.
    curve : str
        Name of the curve.

    Returns
    -------
    float
        Expected number of survivors.

    Raises
    ------
    InputError
        A time is negative or NaN, or there is no such curve.
    """
    times = np.asarray(response_s, dtype=np.float64)
    if not np.all(times >= 0):
        raise InputError("a response time is negative or missing", field="response_s")
    return float(survival_curve(curve)(times).sum())
