"""How far long work has come, told to a program that waits for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

SCRIPT = """
import os
from routing.progress import VARIABLE, tracked
for _ in tracked(range(3), "first", "row"):
    assert VARIABLE not in os.environ
for _ in tracked(iter("ab"), "second", "letter", total=2):
    break
list(tracked(range(9), "hidden", "row", shown=False))
list(tracked(iter("ab"), "third", "letter"))
"""


def test_each_bar_is_told_from_its_first_to_its_last_step() -> None:
    read, write = os.pipe()
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"BLUELIGHT_PROGRESS": str(write)},
        pass_fds=(write,),
        check=True,
    )
    os.close(write)
    with os.fdopen(read) as lines:
        said = [json.loads(line) for line in lines]
    assert [(s["bar"], s["what"], s["unit"], s["done"], s["of"]) for s in said] == [
        (0, "first", "row", 0, 3),
        (0, "first", "row", 3, 3),
        (1, "second", "letter", 0, 2),
        (1, "second", "letter", 0, 2),
        (2, "third", "letter", 0, None),
        (2, "third", "letter", 2, None),
    ]


def test_without_a_listener_nothing_is_told() -> None:
    for value in ("", "none"):
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"BLUELIGHT_PROGRESS": value},
            capture_output=True,
            check=False,
        )
        assert ended.stdout == b""
