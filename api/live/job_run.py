"""One job at work: its process, how far it has come, and how it is ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Final, Literal

from routing.progress import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND: Final = (sys.executable, "-P", "-m", "api.live.job_process")

PRINTED: Final = "printed.json"
"""What the command prints on stdout."""
SAID: Final = "said.txt"
"""What it says on stderr."""

GRACE_S: Final = 60.0
"""How long what took too long may take to tell what it has."""

_MOST_SAID: Final = 1_000_000
_MOST_WARNINGS: Final = 100

_ROOT: Final = Path(__file__).parents[2]
_THREADS: Final = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)

Why = Literal["cancelled", "too long", "stopping"]

_HOLDS: Final = sys.platform == "linux"
"""Elsewhere a process that stands still would outlive a service that was killed."""


class JobRun:
    """A process of its own for a job, so that it holds up nothing here.

    Parameters
    ----------
    folder : Path
        Where it works.
    bars : int
        How many of its parts are counted.
    gently : signal.Signals
        What asks it to end; SIGINT: with what it has so far.
    """

    def __init__(self, folder: Path, bars: int, gently: signal.Signals = signal.SIGTERM) -> None:
        self._folder = folder
        self._bars = bars
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._gently = gently
        self.ended_for: Why | None = None
        self.progress: float | None = None
        self.doing: str | None = "starting"
        self._ready = False

    def run(self, command: Sequence[str], time_limit_s: float) -> int:
        """Do the work.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments.
        time_limit_s : float
            How long it may take.

        Returns
        -------
        int
            Its exit code; below zero the signal that ended it.

        Raises
        ------
        OSError
            It cannot be started.
        """
        read, write = os.pipe()
        try:
            with (
                (self._folder / PRINTED).open("wb") as out,
                (self._folder / SAID).open("wb") as err,
            ):
                child = subprocess.Popen(  # noqa: S603  # a list of ours, by no shell
                    command,
                    stdin=subprocess.PIPE,  # it ends when this is closed: when we are gone
                    stdout=out,
                    stderr=err,
                    cwd=self._folder,
                    env=_environment(write),
                    pass_fds=(write,),
                    start_new_session=True,  # Ctrl-C in our terminal is for us
                )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        with self._lock:
            self._child = child
            if self.ended_for is not None:
                self._end()
        timers = [Timer(time_limit_s + grace, self.end, ("too long",)) for grace in (0.0, GRACE_S)]
        for timer in timers:
            timer.daemon = True
            timer.start()
        try:
            with os.fdopen(read, "r", encoding="utf-8") as lines:
                for line in lines:
                    self._ready = True
                    self._note(line)
            return child.wait()
        finally:
            for timer in timers:
                timer.cancel()
            if child.stdin is not None:
                child.stdin.close()

    def end(self, why: Why, *, at_once: bool = False) -> None:
        """Let the process end; who asks again ends it at once.

        Parameters
        ----------
        why : str
            What for.
        at_once : bool
            Without what it has so far.
        """
        with self._lock:
            self.ended_for = self.ended_for or why
            self._asked += at_once
            self._end()

    def hold(self) -> None:
        """Let the process stand still until `let_go`, once it has said its first word.

        Before, it could not end with this process, if this one is killed.
        """
        if _HOLDS and self._ready:
            with self._lock:
                self._tell(signal.SIGSTOP)

    def let_go(self) -> None:
        """Let the process go on."""
        if _HOLDS:
            with self._lock:
                self._tell(signal.SIGCONT)

    def _end(self) -> None:
        if self._tell(self._gently if self._asked == 0 else signal.SIGKILL):
            self._asked += 1

    def _tell(self, sig: signal.Signals) -> bool:
        child = self._child
        if child is None or child.poll() is not None:
            return False
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, sig)
        return True

    def _note(self, line: str) -> None:
        with suppress(ValueError, KeyError, TypeError):
            said: dict[str, Any] = json.loads(line)
            done, many = said["done"], said["of"]
            if many is None:
                self.doing = f"{said['what']}: {done:,} {said['unit']}s"
                return
            self.doing = f"{said['what']}: {done:,} of {many:,} {said['unit']}s"
            reached = (said["bar"] + done / max(1, many)) / self._bars
            self.progress = max(self.progress or 0.0, min(1.0, reached))

    def said(self) -> str:
        """Return what the process said last, as one line.

        Returns
        -------
        str
            Its error; empty where it said nothing.
        """
        with (self._folder / SAID).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4_000))
            lines = file.read().decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if line.startswith("error: ")] or lines
        last = errors[-1].removeprefix("error: ") if errors else ""
        return " ".join(last.split())[:1_000]

    def warnings(self) -> list[str]:
        """Return what the process has warned of so far.

        Returns
        -------
        list of str
            Each in one line.
        """
        try:
            text = (self._folder / SAID).read_bytes()[:_MOST_SAID].decode("utf-8", "replace")
        except FileNotFoundError:  # it has not begun, or its folder was removed
            return []
        lines = (line.partition("warning: ") for line in text.splitlines())
        found = [" ".join(said.split())[:1_000] for before, _, said in lines if not before]
        return [said for said in found if said][:_MOST_WARNINGS]


def _environment(write: int) -> dict[str, str]:
    """Say what the process is to know: none of our secrets, one thread, this code."""
    secret = ("BLUELIGHT_", "PG")  # of ours, and of PostgreSQL's library
    own = {name: value for name, value in os.environ.items() if not name.startswith(secret)}
    paths = [str(_ROOT), own.get("PYTHONPATH", "")]
    return own | {
        **dict.fromkeys(_THREADS, "1"),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        VARIABLE: str(write),
    }
