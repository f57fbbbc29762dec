"""Notes that were corrected: when, by whom."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = "f10c95b7a2e4"
down_revision = "8e0c47d1f3b9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_note", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("changed_by", sa.String(length=80), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("terminal_note", schema=None) as batch_op:
        batch_op.alter_column("changed_by", server_default=None)
        batch_op.alter_column("revision", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("terminal_note", schema=None) as batch_op:
        batch_op.drop_column("revision")
        batch_op.drop_column("changed_by")
        batch_op.drop_column("changed_at")
