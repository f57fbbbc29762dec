"""Which authority issued a certificate: there may be two for a while."""

import sqlalchemy as sa
from alembic import op

revision = "d27c94be60f1"
down_revision = "f60b14c8e937"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.add_column(sa.Column("issuer", sa.String(length=40), nullable=False, server_default=""))
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.alter_column("issuer", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.drop_column("issuer")
