"""Which revision last asked for a terminal's software: a change of settings is no other try of it."""

import sqlalchemy as sa
from alembic import op

revision = "c5d1e80b47f6"
down_revision = "f3b8d52c10ae"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.add_column(sa.Column("software_revision", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.alter_column("software_revision", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.drop_column("software_revision")
