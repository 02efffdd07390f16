"""Which free unit goes to which other station."""

from engine.relocation.base import (
    RELOCATIONS,
    Combined,
    Limits,
    Move,
    MoveState,
    Relocation,
    checked_moves,
    closed,
)
from engine.relocation.conformance import check_relocation
from engine.relocation.dmexclp import DMEXCLPMove
from engine.relocation.tables import ComplianceTable, PriorityList, ZhangProgram

__all__ = [
    "RELOCATIONS",
    "Combined",
    "ComplianceTable",
    "DMEXCLPMove",
    "Limits",
    "Move",
    "MoveState",
    "PriorityList",
    "Relocation",
    "ZhangProgram",
    "check_relocation",
    "checked_moves",
    "closed",
]
