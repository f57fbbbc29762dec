"""An index of one terminal's visits by day."""

import sqlalchemy as sa
from alembic import op

revision = "0b6f2ad9c831"
down_revision = "d41f7b0a92ce"
branch_labels = None
depends_on = None


def upgrade() -> None:
    visits = sa.text("kind = 'session.started'")
    op.create_index(
        "ix_usage_event_visits", "usage_event", ["terminal", "kind", "day", "audience"],
        sqlite_where=visits, postgresql_where=visits,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_usage_event_visits", "usage_event")
