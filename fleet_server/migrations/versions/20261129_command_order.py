"""The order in which commands were asked for, which is not that of a clock."""

import sqlalchemy as sa
from alembic import op

revision = "d41f7b0a92ce"
down_revision = "c5d1e80b47f6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"))
    command = sa.table("terminal_command", sa.column("id"), sa.column("queued_at"), sa.column("number"))
    known = op.get_bind().execute(sa.select(command.c.id).order_by(command.c.queued_at, command.c.id)).scalars().all()
    placed = sa.update(command).where(command.c.id == sa.bindparam("known")).values(number=sa.bindparam("place"))
    if known:
        op.get_bind().execute(placed, [{"known": one, "place": place} for place, one in enumerate(known, 1)])
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.alter_column("number", server_default=None)
        batch_op.create_index(batch_op.f("ix_terminal_command_number"), ["number"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("terminal_command", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_terminal_command_number"))
        batch_op.drop_column("number")
