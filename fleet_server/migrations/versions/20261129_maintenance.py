"""Planned maintenance of terminals and places."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = "8e0c47d1f3b9"
down_revision = "e8a2c9d15b60"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "terminal_maintenance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=200), nullable=False),
        sa.Column("begins_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_terminal_maintenance_ends_at", "terminal_maintenance", ["ends_at"], unique=False)
    op.create_table(
        "terminal_maintenance_of",
        sa.Column("maintenance", sa.Integer(), nullable=False),
        sa.Column("terminal", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["maintenance"], ["terminal_maintenance.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["terminal"], ["terminal.id"]),
        sa.PrimaryKeyConstraint("maintenance", "terminal"),
    )
    op.create_index("ix_terminal_maintenance_of_terminal", "terminal_maintenance_of", ["terminal"], unique=False)


def downgrade() -> None:
    op.drop_table("terminal_maintenance_of")
    op.drop_table("terminal_maintenance")
