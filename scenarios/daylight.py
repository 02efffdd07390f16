"""When the sun is down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from astral import Observer
from astral.sun import elevation

HORIZON_DEG: Final = -0.833
"""Height of the sun's centre when its upper edge is at the horizon, refraction included."""

_STEP: Final = timedelta(minutes=15)
_EXACT: Final = timedelta(seconds=30)


def sun_is_down(lon: float, lat: float, moment: datetime) -> bool:
    """Tell whether the sun is below the horizon.

    Parameters
    ----------
    lon, lat : float
        Degrees, WGS84.
    moment : datetime
        With its time zone.

    Returns
    -------
    bool
        True from sunset to sunrise.
    """
    place = Observer(latitude=float(lat), longitude=float(lon))
    return bool(elevation(place, moment, with_refraction=False) < HORIZON_DEG)


def nights_of(
    lon: float, lat: float, start: datetime, length_ms: float
) -> list[tuple[float, float]]:
    """Find the spans from sunset to sunrise, at any latitude.

    Parameters
    ----------
    lon, lat : float
        Degrees, WGS84.
    start : datetime
        With its time zone.
    length_ms : float
        How long to look, in milliseconds.

    Returns
    -------
    list of tuple of float
        Begin and end of each, in milliseconds since `start`, to half a minute; where the
        sun never sets there is none, where it never rises one that does not end before
        `length_ms`.
    """

    def _down(moment: datetime) -> bool:
        return sun_is_down(lon, lat, moment)

    end = start + timedelta(milliseconds=length_ms)
    moment, dark = start, _down(start)
    edges = [start] if dark else []
    while moment < end:
        after = min(moment + _STEP, end)
        if _down(after) != dark:
            low, high = moment, after
            while high - low > _EXACT:
                middle = low + (high - low) / 2
                low, high = (middle, high) if _down(middle) == dark else (low, middle)
            edges.append(high)
            dark = not dark
        moment = after
    if len(edges) % 2:
        edges.append(end)
    ms = [(edge - start) / timedelta(milliseconds=1) for edge in edges]
    return list(zip(ms[::2], ms[1::2], strict=True))
