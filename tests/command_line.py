"""Runs the command line in this process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from click.testing import CliRunner

from api.cli import bluelight


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        assert self.code == 0, self
        return json.loads(self.out)


def run(*args: object) -> Ran:
    """Run a command line; a defect is raised."""
    result = CliRunner().invoke(bluelight, [str(arg) for arg in args], prog_name="bluelight")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def refused(*args: object) -> str:
    """Run a command line that must fail for its input; return its one line."""
    ran = run(*args)
    assert ran.code == 2, ran
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert ran.err.endswith("\n")
    return ran.err
