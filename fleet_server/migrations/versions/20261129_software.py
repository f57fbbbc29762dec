"""What software is wished of a terminal, and when it may take effect."""

import sqlalchemy as sa
from alembic import op

revision = "f3b8d52c10ae"
down_revision = "a91d40c6e7b2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.add_column(sa.Column("software_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("software_version", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("software_activation", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.alter_column("software_version", server_default=None)
        batch_op.alter_column("software_activation", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("terminal_desired", schema=None) as batch_op:
        batch_op.drop_column("software_activation")
        batch_op.drop_column("software_version")
        batch_op.drop_column("software_id")
