"""What a command brought back, and the bulk it was given in."""

import sqlalchemy as sa
from alembic import op

revision = "e5c09a3b7d42"
down_revision = "c7f1d24a9e03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.add_column(sa.Column("result", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("bulk", sa.String(), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_terminal_command_bulk"), ["bulk"], unique=False)
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.alter_column("result", server_default=None)
        batch_op.alter_column("bulk", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_terminal_command_bulk"))
        batch_op.drop_column("bulk")
        batch_op.drop_column("result")
