"""Every certificate issued, and when a terminal last ceased to be listened to."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = 'c7f1d24a9e03'
down_revision = 'd90b3f7a52c6'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('certificate',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('issued_at', UtcDateTime(), nullable=False),
    sa.Column('ends_at', UtcDateTime(), nullable=False),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('by', sa.String(length=80), nullable=False),
    sa.Column('out_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('serial')
    )
    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_certificate_name'), ['name'], unique=False)
        batch_op.create_index(batch_op.f('ix_certificate_revoked_at'), ['revoked_at'], unique=False)

    with op.batch_alter_table('terminal', schema=None) as batch_op:
        batch_op.add_column(sa.Column('turned_at', UtcDateTime(), nullable=True))
        batch_op.create_index(batch_op.f('ix_terminal_turned_at'), ['turned_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('terminal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_terminal_turned_at'))
        batch_op.drop_column('turned_at')

    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_certificate_revoked_at'))
        batch_op.drop_index(batch_op.f('ix_certificate_name'))

    op.drop_table('certificate')
