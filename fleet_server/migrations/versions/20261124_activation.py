"""When what is wished of a terminal may take effect."""

import sqlalchemy as sa
from alembic import op

revision = "b7d2c4e61f08"
down_revision = "c4a1d07b9e55"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.add_column(sa.Column("activation", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.alter_column("activation", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.drop_column("activation")
