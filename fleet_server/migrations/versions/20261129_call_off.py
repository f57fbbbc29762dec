"""A command that a terminal has accepted is called off once it says so."""

import sqlalchemy as sa
from alembic import op

revision = "b39e60f7d2a4"
down_revision = "6d3f80b1c4a9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.add_column(sa.Column("called_off", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.alter_column("called_off", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.drop_column("called_off")
