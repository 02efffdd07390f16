"""How much one caller may ask for."""

from __future__ import annotations

import math
import time
from typing import Final

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.exceptions import HTTPException

USUAL: Final = "600/second"
"""Of one caller; a feed of positions of a whole county stays below."""


def checked_rate(rate: str) -> str:
    """Check how a rate is written.

    Parameters
    ----------
    rate : str
        Such as ``600/second`` or ``100/minute``.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        It says no rate.
    """
    try:
        parse(rate)
    except ValueError as error:
        raise ValueError("write it as 600/second or 100/minute") from error
    return rate


class Limits:
    """Counts what each caller asks for; in the loop of the service, without threads.

    Parameters
    ----------
    rate : str
        Such as ``600/second`` or ``100/minute``.
    """

    def __init__(self, rate: str = USUAL) -> None:
        self._item: RateLimitItem = parse(rate)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def check(self, name: str) -> None:
        """Count a request.

        Parameters
        ----------
        name : str
            The caller.

        Raises
        ------
        HTTPException
            429: too many; with the whole seconds to wait.
        """
        if await self._limiter.hit(self._item, name):
            return
        window = await self._limiter.get_window_stats(self._item, name)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        raise HTTPException(
            429, f"more than {self._item}; wait {wait} s", {"Retry-After": str(wait)}
        )
