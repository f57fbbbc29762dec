"""The audit log becomes a chain: its lines so far are linked in their order."""

import sqlalchemy as sa
from alembic import op

from fleet_server.access.audit_models import AUDIT_TRIGGERS
from fleet_server.access.chain import Head, Line, linked, new_salts
from fleet_server.db import UtcDateTime

revision = 'c4a1d07b9e55'
down_revision = 'a51e0c7d2b10'
branch_labels = None
depends_on = None

JSON_COLUMNS = ('terminals', 'value_before', 'value_after', 'salts')


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == 'sqlite'
    if sqlite:
        for act in ('update', 'delete'):
            op.execute(f'DROP TRIGGER access_audit_entry_no_{act}')
    for name in JSON_COLUMNS:
        empty = '[]' if name == 'terminals' else '{}'
        op.add_column('access_audit_entry', sa.Column(name, sa.JSON(), nullable=False, server_default=empty))
    link = op.create_table('access_audit_link',
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('act', sa.String(length=60), nullable=False),
    sa.Column('digests', sa.JSON(), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('seal', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('number')
    )
    head = op.create_table('access_audit_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('seal', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    end = _chain(link)
    op.bulk_insert(head, [{'id': 1, 'number': end.number, 'seal': end.seal}])
    if sqlite:
        for statements in AUDIT_TRIGGERS.values():
            for trigger in statements:
                op.execute(trigger)


def _chain(link: sa.Table) -> Head:
    """Lines are numbered anew, without the gaps of what was forgotten: a chain begins at 1."""
    connection = op.get_bind()
    entry = sa.table('access_audit_entry', sa.column('id', sa.Integer), sa.column('at', UtcDateTime()),
                     sa.column('account_id', sa.Integer), sa.column('who'), sa.column('act'), sa.column('subject'),
                     sa.column('detail', sa.JSON()), sa.column('salts', sa.JSON()))
    end = Head()
    for row in connection.execute(sa.select(entry).order_by(entry.c.id)).all():
        line = Line(row.at, row.account_id, row.who, row.act, row.subject, [], row.detail, {}, {})
        salts = new_salts(line)
        made = linked(end, line, salts)
        connection.execute(link.insert().values(number=made.number, at=made.at, act=made.act, digests=made.digests,
                                                previous=made.previous, seal=made.seal))
        connection.execute(entry.update().where(entry.c.id == row.id).values(id=made.number, salts=salts))
        end = Head(made.number, made.seal)
    return end


def downgrade() -> None:
    raise NotImplementedError('the chain is not given up: restore a backup')
