"""The version that is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def bluelight_version() -> str:
    """Return the version of the installed distribution.

    Returns
    -------
    str
        Such as ``0.1.0``; ``unknown`` in a folder that was never installed.
    """
    try:
        return version("bluelight")
    except PackageNotFoundError:
        return "unknown"
