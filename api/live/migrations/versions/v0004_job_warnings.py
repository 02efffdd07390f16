"""Jobs: what was warned of while they ran."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; of earlier jobs nobody knows."""
    op.add_column("jobs", sa.Column("warnings", sa.Text))
