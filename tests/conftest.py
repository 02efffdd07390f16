"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# at a desk every run looks at new cases; a submission is judged by the same ones each time
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# a shell starts what runs in its background deaf to Ctrl-C; tests that press it would hang
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of other people's data; tests that need it are skipped without.

    Set BLUELIGHT_REFERENCE_DATA to where it is, and BLUELIGHT_REQUIRE_REFERENCE_DATA to
    make its absence a failure.
    """
    folder = Path(os.environ.get("BLUELIGHT_REFERENCE_DATA") or _DEFAULT)
    if not folder.is_dir():
        message = "no reference data (set BLUELIGHT_REFERENCE_DATA)"
        if os.environ.get("BLUELIGHT_REQUIRE_REFERENCE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
