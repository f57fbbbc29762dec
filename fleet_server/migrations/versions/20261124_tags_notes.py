"""Tags and notes of terminals."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = 'b7e2f15a9c03'
down_revision = 'e5c09a3b7d42'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('terminal', sa.Column('tags', sa.JSON(), nullable=False, server_default='[]'))
    op.create_table('terminal_note',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('by', sa.String(length=80), nullable=False),
    sa.Column('text', sa.String(length=2000), nullable=False),
    sa.ForeignKeyConstraint(['terminal'], ['terminal.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('terminal_note', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_terminal_note_terminal'), ['terminal'], unique=False)


def downgrade() -> None:
    op.drop_table('terminal_note')
    op.drop_column('terminal', 'tags')
