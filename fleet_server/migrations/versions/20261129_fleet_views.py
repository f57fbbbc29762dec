"""Searches of the fleet's list that are kept under a name, and the one that a person lands on."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = "6d3f80b1c4a9"
down_revision = "7d1e4c90ab52"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fleet_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["owner"], ["access_account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("fleet_view", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fleet_view_owner"), ["owner"], unique=False)
    op.create_table(
        "fleet_landing",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("view", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["access_account.id"]),
        sa.ForeignKeyConstraint(["view"], ["fleet_view.id"]),
        sa.PrimaryKeyConstraint("account"),
    )
    with op.batch_alter_table("fleet_landing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fleet_landing_view"), ["view"], unique=False)


def downgrade() -> None:
    op.drop_table("fleet_landing")
    op.drop_table("fleet_view")
