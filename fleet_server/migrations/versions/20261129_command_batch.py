"""One order to many terminals, given together and once for each key."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = "e8a2c9d15b60"
down_revision = "0b6f2ad9c831"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "terminal_command_batch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("command_order", sa.JSON(), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("skipped", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner", "key", name="uq_terminal_command_batch_key"),
    )


def downgrade() -> None:
    op.drop_table("terminal_command_batch")
