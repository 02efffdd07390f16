"""Calibrates a city: a speed table from observed trips, and its error on held-out ones.

Trips are personal data: what comes out holds numbers of the table and statistics only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError
from routing.speeds import PROFILES
from scenarios.speed_fit import fit_profile
from scenarios.speed_keys import with_values
from scenarios.statistics import rounded_to_digits
from scenarios.trip_errors import Predicted, compare_errors, spread, verdict
from scenarios.trips import drive, tie_trips

if TYPE_CHECKING:
    from routing.speeds import SpeedTable
    from scenarios.package import Scenario
    from scenarios.speed_fit import Factor, Fit
    from scenarios.trips import Driven, TiedTrips, Trips

SNAP_LIMIT_M: Final = 200.0
"""How far from a road a trip may start or end by default."""

SHORTEST_M: Final = 100.0
"""A trip whose route is shorter tells of its ends, not of speeds."""

FEWEST_TRIPS: Final = 50
"""A profile with fewer usable trips is not fitted."""

_FEWEST_HELD_OUT: Final = 10
_MOST_RATIO: Final = 5.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted speed table and what is known about it.

    Parameters
    ----------
    speeds : SpeedTable
        The fitted table.
    document : dict
        What it rests on and how well it predicts, as JSON: ``trips`` (how many were
        read, used and left out, and why), ``profiles`` (for each: ``factors``,
        ``offset``, ``errors`` and ``verdict`` on held-out trips, ``spread``).
    held_out : dict of str to Predicted
        The held-out trips of each fitted profile, to draw; without places.
    """

    speeds: SpeedTable
    document: dict[str, Any]
    held_out: dict[str, Predicted]


def calibrate(
    scenario: Scenario,
    trips: Trips,
    *,
    holdout: float = 0.2,
    seed: int = 1,
    snap_limit_m: float = SNAP_LIMIT_M,
    with_offset: bool = False,
    progress: bool = False,
) -> Calibration:
    """Fit the speed table of a city to observed trips.

    Normal trips come first and tell normal speeds; siren trips then tell siren factors
    on top of these.

    Parameters
    ----------
    scenario : Scenario
        The city and the table to start from.
    trips : Trips
        The trips.
    holdout : float
        Share of the trips of each profile, drawn at random and at least ten, that the
        fit does not see and the errors are told on.
    seed : int
        Of the draw.
    snap_limit_m : float
        How far from a road a trip may start or end in metres.
    with_offset : bool
        Also fit a constant time for each trip, see `scenarios.speed_fit.fit_profile`.
        It is told, not written: a speed table has no place for it.
    progress : bool
        Show progress bars on a terminal.

    Returns
    -------
    Calibration
        The new table and its errors before and after.

    Raises
    ------
    InputError
        No profile has `FEWEST_TRIPS` usable trips, or times are of another unit.
    """
    network = scenario.network
    tied = tie_trips(network, trips, snap_limit_m)
    left_out = {"off_road": len(trips.seconds) - sum(len(each) for each in tied.values())}
    left_out |= dict.fromkeys(("no_road_leads", "too_short", "too_few_of_their_profile"), 0)
    usable: dict[str, tuple[TiedTrips, Driven]] = {}
    for profile in PROFILES:
        before = drive(
            network, scenario.speeds, profile, tied[profile], what=f"{profile} trips" * progress
        )
        reached = np.isfinite(before.seconds)
        good = reached & (before.metres >= SHORTEST_M)
        left_out["no_road_leads"] += int((~reached).sum())
        left_out["too_short"] += int((reached & ~good).sum())
        if good.sum() < FEWEST_TRIPS:
            left_out["too_few_of_their_profile"] += int(good.sum())
            continue
        rows = np.flatnonzero(good)
        usable[profile] = tied[profile][rows], before[rows]
        _check_unit(profile, *usable[profile])
    if not usable:
        raise InputError(
            f"{left_out['too_few_of_their_profile']} of {len(trips.seconds)} trips could be used, "
            f"{_words(left_out)}",
            field="trips",
            fix=f"give at least {FEWEST_TRIPS} of one profile",
        )

    speeds = scenario.speeds
    fits: dict[str, Fit] = {}
    held_out: dict[str, Predicted] = {}
    for profile, (known, before) in usable.items():
        order = np.random.default_rng([seed, PROFILES.index(profile)]).permutation(len(known))
        split = max(_FEWEST_HELD_OUT, round(holdout * len(known)))
        test, train = order[:split], np.sort(order[split:])
        fits[profile] = fit_profile(
            network,
            speeds,
            profile,
            known[train],
            first=None if fits else before[train],
            with_offset=with_offset,
            progress=progress,
        )
        speeds = fits[profile].speeds
        after = drive(network, speeds, profile, known[test])
        held_out[profile] = Predicted(
            observed_s=known.seconds[test],
            before_s=before.seconds[test],
            after_s=after.seconds + fits[profile].offset_s,
            metres=after.metres,
        )
    changed = [f for fit in fits.values() for f in fit.factors if f.fitted]
    table = with_values(
        scenario.speeds,
        {factor.key: factor.after for factor in changed},
        {factor.key: _comment(factor) for factor in changed},
    )
    used = sum(len(known) for known, _ in usable.values())
    document = {
        "scenario": scenario.hash,
        "seed": seed,
        "holdout": holdout,
        "snap_limit_m": snap_limit_m,
        "trips": {"read": len(trips.seconds), "used": used, "left_out": left_out},
        "profiles": {
            profile: _profile_document(fits[profile], held_out[profile], len(usable[profile][0]))
            for profile in fits
        },
    }
    return Calibration(table, document, held_out)


def _check_unit(profile: str, trips: TiedTrips, before: Driven) -> None:
    ratio = float(np.median(trips.seconds / before.seconds))
    if not 1 / _MOST_RATIO <= ratio <= _MOST_RATIO:
        raise InputError(
            f"the median {profile} trip takes {ratio:.3g} times what the roads suggest",
            field="trips, seconds",
            fix="give seconds from leaving to arriving, and lon before lat",
        )


def _words(left_out: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in left_out.items())


def _comment(factor: Factor) -> str:
    error = f"{factor.standard_error:.1%}".replace("%", " %")
    return f"from {factor.key.value:g} by {factor.trips:,} trips, ± {error}"


def _profile_document(fit: Fit, held_out: Predicted, trips: int) -> dict[str, Any]:
    errors = compare_errors(held_out)
    return {
        "trips": trips,
        "held_out": len(held_out.observed_s),
        "rounds": fit.rounds,
        "settled": fit.settled,
        "verdict": verdict(errors),
        "errors": errors,
        "offset": {
            "seconds": rounded_to_digits(fit.offset_s),
            "standard_error": rounded_to_digits(fit.offset_error_s),
        }
        if fit.offset_error_s
        else None,
        "factors": [_factor_document(factor) for factor in fit.factors],
        "spread": spread(held_out),
    }


def _factor_document(factor: Factor) -> dict[str, Any]:
    return {
        "key": factor.key.name,
        "before": factor.key.value,
        "after": factor.after,
        "factor": rounded_to_digits(factor.after / factor.key.value),
        "log_standard_error": rounded_to_digits(factor.standard_error) if factor.fitted else None,
        "trips": factor.trips,
        "km": rounded_to_digits(round(factor.metres / 1000, 3)),
        "fitted": factor.fitted,
        "at_limit": factor.at_limit,
    }
