"""What terminals are made of, and what changed of it."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = "a91d40c6e7b2"
down_revision = "b7e2f15a9c03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inventory_set",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "inventory_package",
        sa.Column("packages", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["packages"], ["inventory_set.digest"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("packages", "source", "name"),
    )
    op.create_index("ix_inventory_package_name", "inventory_package", ["name", "version"], unique=False)
    op.create_table(
        "inventory_terminal",
        sa.Column("terminal", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("came_at", UtcDateTime(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("packages", sa.String(length=64), nullable=False),
        sa.Column("package_count", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("kernel", sa.String(), nullable=False),
        sa.Column("python", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["packages"], ["inventory_set.digest"]),
        sa.ForeignKeyConstraint(["terminal"], ["terminal.id"]),
        sa.PrimaryKeyConstraint("terminal"),
    )
    op.create_index("ix_inventory_terminal_packages", "inventory_terminal", ["packages"], unique=False)
    op.create_table(
        "inventory_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("terminal", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("part", sa.String(length=20), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["terminal"], ["terminal.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_inventory_change_terminal_at", "inventory_change", ["terminal", "at"], unique=False)


def downgrade() -> None:
    for table in ("inventory_change", "inventory_terminal", "inventory_package", "inventory_set"):
        op.drop_table(table)
