"""What a job runs in: a command line of its own that gives way to whatever else wants to work."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from routing.progress import VARIABLE

LOWEST: Final = 19
_SET_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of prctl(2); it is sent when the thread that started this ends."""


def give_way() -> None:
    """Let every other process go first, and be the first to go when memory is short."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, LOWEST)  # whatever the service was started with
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Linux shares a busy processor out between sessions first: ours asks for the least
    for name, value in (("autogroup", LOWEST), ("oom_score_adj", 1000)):
        with suppress(OSError):
            Path("/proc/self", name).write_text(f"{value}", encoding="ascii")


def end_with_parent() -> None:
    """End when whoever started this is gone, however it went: then stdin is closed.

    Linux knows a quicker way, which no long computation holds up.
    """

    def _wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(128 + signal.SIGHUP)

    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def work() -> None:
    """Run the command line that this process was given."""
    end_with_parent()
    pipe = os.environ.get(VARIABLE)
    if pipe is not None:  # from now on it may be stopped, and still ends with its parent
        os.write(int(pipe), b"{}\n")
    # whoever starts the service with nohup or in the background may have it ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)

    from api.cli import main  # noqa: PLC0415  # long, and to be done at the lowest priority

    main()


if __name__ == "__main__":
    sys.argv[0] = "bluelight"
    give_way()
    work()
