"""Relocation rules: each registered one keeps its promises, and who breaks one is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine.policies import POLICIES, RELOCATIONS
from engine.relocation import Limits, check_relocation
from routing.errors import InputError
from routing.network import UNREACHABLE
from scenarios.policies import load_policy

if TYPE_CHECKING:
    from pathlib import Path

    from engine.relocation import Move, MoveState


def possible(state: MoveState) -> list[Move]:
    """Every move that can be made, of every free unit."""
    rows, stations = np.nonzero(state.arrival_ms < UNREACHABLE)
    pairs = zip(rows.tolist(), stations.tolist(), strict=True)
    return [(unit, to) for unit, to in pairs if state.base[unit] != to]


class Fails:
    def moves(self, state: MoveState) -> list[Move]:
        raise ValueError(str(state.now_ms))


class Impossible:
    def moves(self, state: MoveState) -> list[Move]:
        return [(len(state.status), 0)]


@dataclass
class Counts:
    asked: int = 0

    def moves(self, state: MoveState) -> list[Move]:
        self.asked += 1
        return possible(state)[: self.asked % 2]


class Writes:
    def moves(self, state: MoveState) -> list[Move]:
        state.base[:] = 0
        return []


@dataclass
class Restless:
    limits: Limits = field(default=Limits())

    def moves(self, state: MoveState) -> list[Move]:
        return possible(state)[:1]


@pytest.mark.parametrize("name", sorted(RELOCATIONS))
def test_ours_keep_their_promises(name: str) -> None:
    check_relocation(RELOCATIONS[name], name=name)


def test_foresight_keeps_its_promises() -> None:
    rule: Any = POLICIES["foresight-v1"]
    check_relocation(rule)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Fails(), "fails with ValueError"),
        (Impossible(), "which cannot be made"),
        (Counts(), "answers the same state with the moves"),
        (Writes(), "read-only"),
        (Restless(), "which its limits spare"),
        (object(), "has no moves"),
    ],
)
def test_broken_promises_are_told(rule: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_relocation(rule)


def test_a_policy_in_a_file_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = (
        "class Mine:\n    def decide(self, state):\n        return int(state.arrival_ms.argmin())\n"
    )
    file.write_text(f"{text}    def moves(self, state):\n        return [(99, 0)]\n")
    with pytest.raises(InputError, match="which cannot be made"):
        load_policy(f"{file}:Mine")
    file.write_text(f"{text}    def moves(self, state):\n        return []\n")
    assert load_policy(f"{file}:Mine").moves
