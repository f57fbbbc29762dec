"""Why a picture was refused no longer tells what a visitor was doing."""

import sqlalchemy as sa
from alembic import op

revision = "f60b14c8e937"
down_revision = "b39e60f7d2a4"
branch_labels = None
depends_on = None

BEFORE, NOW = "a visitor is filling in a form", "the screen was busy"


def upgrade() -> None:
    command = sa.table("terminal_command", sa.column("reason", sa.String()))
    op.execute(sa.update(command).where(command.c.reason == BEFORE).values(reason=NOW))
    # The receipts among the events: JSON, kept as text by SQLite.
    text = "detail" if op.get_bind().dialect.name == "sqlite" else "detail::text"
    changed = f"replace({text}, '{BEFORE}', '{NOW}')" + ("" if text == "detail" else "::json")
    op.execute(
        f"UPDATE terminal_event SET detail = {changed} "  # noqa: S608 - constants of this file
        f"WHERE kind = 'command.answered' AND {text} LIKE '%{BEFORE}%'"
    )


def downgrade() -> None:
    """What was forgotten stays so."""
