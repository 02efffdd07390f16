"""The tables of the event store; no column holds a person's name, number or words."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()

_Number: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite's own key, no second index

LOG: Final = Table(
    "log",
    METADATA,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(120)),
    Column("actor", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("key", String(100)),
    Column("request", String(64)),
    Column("crc", BigInteger, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    Index("log_subject", "subject"),
    Index("log_key", "actor", "key", unique=True),
)
"""What happened, in order; rows are added and never changed."""

SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("chain", LargeBinary(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("world", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)
"""The world after a record, so that a start need not read all before it."""

TOKENS: Final = Table(
    "tokens",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)
"""Who may come in; names of workplaces and programs, hashes of secrets."""

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("asked", Text, nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("starts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("deleted_ms", BigInteger),
    Column("error", Text),
    Column("key", String(100)),
    Column("request", String(64)),
    Column("warnings", Text),
    Index("jobs_state", "state"),
    Index("jobs_key", "actor", "key", unique=True),
)
"""Long work: who asked for what, and what became of it; rows stay when results are deleted."""
