"""The audit log becomes a chain: its lines so far are linked in their order.

What the chain is made of is written down here as it was on that day: `fleet_server.access.chain` may go on.
"""

import hashlib
import json
import secrets
from datetime import UTC

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = 'c4a1d07b9e55'
down_revision = 'a51e0c7d2b10'
branch_labels = None
depends_on = None

GENESIS = '0' * 64
ABORT = "SELECT RAISE(ABORT, 'the audit log is append-only')"
TRIGGERS = (
    'CREATE TRIGGER access_audit_entry_no_update BEFORE UPDATE ON access_audit_entry '
    'WHEN NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at OR NEW.act IS NOT OLD.act '
    f'OR length(NEW.salts) >= length(OLD.salts) BEGIN {ABORT}; END',
    'CREATE TRIGGER access_audit_entry_no_delete BEFORE DELETE ON access_audit_entry '
    f"WHEN OLD.at > datetime('now', '-180 days') BEGIN {ABORT}; END",
    f'CREATE TRIGGER access_audit_link_no_update BEFORE UPDATE ON access_audit_link BEGIN {ABORT}; END',
    f'CREATE TRIGGER access_audit_link_no_delete BEFORE DELETE ON access_audit_link BEGIN {ABORT}; END',
)
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
    number, seal = _chain(link)
    op.bulk_insert(head, [{'id': 1, 'number': number, 'seal': seal}])
    if sqlite:
        for trigger in TRIGGERS:
            op.execute(trigger)


def _chain(link: sa.Table) -> tuple[int, str]:
    """Number and seal of its end. Lines are numbered anew, without the gaps of what was forgotten: a chain begins at 1."""
    connection = op.get_bind()
    entry = sa.table('access_audit_entry', sa.column('id', sa.Integer), sa.column('at', UtcDateTime()),
                     sa.column('account_id', sa.Integer), sa.column('who'), sa.column('act'), sa.column('subject'),
                     sa.column('detail', sa.JSON()), sa.column('salts', sa.JSON()))
    number, seal = 0, GENESIS
    for row in connection.execute(sa.select(entry).order_by(entry.c.id)).all():
        fields = {'account': row.account_id, 'who': row.who, 'subject': row.subject, 'terminals': []}
        fields |= {f'detail.{name}': value for name, value in row.detail.items()}
        salts = {name: secrets.token_urlsafe(16) for name in fields}
        digests = {name: _digest([salts[name], name, value]) for name, value in fields.items()}
        number, previous = number + 1, seal
        at = row.at.astimezone(UTC).isoformat(timespec='microseconds')
        seal = _digest([number, at, row.act, digests, previous])
        connection.execute(link.insert().values(number=number, at=row.at, act=row.act, digests=digests,
                                                previous=previous, seal=seal))
        connection.execute(entry.update().where(entry.c.id == row.id).values(id=number, salts=salts))
    return number, seal


def _digest(value: object) -> str:
    plain = json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def downgrade() -> None:
    raise NotImplementedError('the chain is not given up: restore a backup')
