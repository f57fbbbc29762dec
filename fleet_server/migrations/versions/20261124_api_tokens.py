"""Tokens for programs."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = 'a51e0c7d2b10'
down_revision = 'e12acaade4d1'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('access_api_token',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('hint', sa.String(length=16), nullable=False),
    sa.Column('scopes', sa.String(length=255), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['access_account.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('digest')
    )
    with op.batch_alter_table('access_api_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_access_api_token_account_id'), ['account_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('access_api_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_access_api_token_account_id'))

    op.drop_table('access_api_token')
