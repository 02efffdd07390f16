"""What made a result: revision, versions, machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = ("numba", "numpy", "pandas", "pyarrow", "scipy")


def provenance() -> dict[str, Any]:
    """Return the revision, versions and machine of this process, without any name of a host.

    Returns
    -------
    dict
        ``revision`` (of the package, and of git in a checkout), ``versions``,
        ``machine``.
    """
    return {
        "revision": {"version": _version("bluelight"), "git": _git_revision()},
        "versions": {
            "python": platform.python_version(),
            **{package: _version(package) for package in _PACKAGES},
        },
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """Return the commit that this source tree is checked out at, marked where it was changed."""
    root = Path(__file__).resolve().parent.parent
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    command = [
        git,
        "-C",
        str(root),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or None
