"""Every table of the first version."""

import sqlalchemy as sa
from alembic import op

from fleet_server.db import UtcDateTime

revision = 'e12acaade4d1'
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = "SELECT RAISE(ABORT, 'the audit log is append-only')"
AUDIT_TRIGGERS = [
    f"CREATE TRIGGER access_audit_entry_no_update BEFORE UPDATE ON access_audit_entry BEGIN {APPEND_ONLY}; END",
    "CREATE TRIGGER access_audit_entry_no_delete BEFORE DELETE ON access_audit_entry "
    f"WHEN OLD.at > datetime('now', '-180 days') BEGIN {APPEND_ONLY}; END",
]


def upgrade() -> None:
    op.create_table('access_account',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('login', sa.String(length=60), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('roles', sa.String(length=120), nullable=False),
    sa.Column('password', sa.String(length=255), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('seen_at', UtcDateTime(), nullable=True),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.Column('invitation', sa.String(length=64), nullable=True),
    sa.Column('invited_until', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('login', name='uq_access_account_login')
    )
    with op.batch_alter_table('access_account', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_access_account_invitation'), ['invitation'], unique=False)

    op.create_table('access_audit_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=True),
    sa.Column('who', sa.String(length=80), nullable=False),
    sa.Column('act', sa.String(length=60), nullable=False),
    sa.Column('subject', sa.String(length=120), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('access_audit_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_access_audit_entry_account_id'), ['account_id'], unique=False)
        batch_op.create_index('ix_access_audit_entry_act_at', ['act', 'at'], unique=False)
        batch_op.create_index(batch_op.f('ix_access_audit_entry_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_access_audit_entry_subject'), ['subject'], unique=False)
    if op.get_bind().dialect.name == 'sqlite':
        for trigger in AUDIT_TRIGGERS:
            op.execute(trigger)

    op.create_table('access_sign_in_failure',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last_at', UtcDateTime(), nullable=False),
    sa.Column('blocked_until', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('key')
    )
    op.create_table('contact_request',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('kid', sa.String(), nullable=False),
    sa.Column('consent', sa.String(), nullable=False),
    sa.Column('day', sa.String(), nullable=False),
    sa.Column('hour', sa.Integer(), nullable=False),
    sa.Column('enc', sa.String(), nullable=False),
    sa.Column('ciphertext', sa.String(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('place', sa.String(), nullable=False),
    sa.Column('commune_name', sa.String(), nullable=False),
    sa.Column('department', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('taken_by', sa.String(), nullable=False),
    sa.Column('taken_by_name', sa.String(), nullable=False),
    sa.Column('taken_at', UtcDateTime(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('first_response_at', UtcDateTime(), nullable=True),
    sa.Column('call_back_at', UtcDateTime(), nullable=True),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.Column('redirected_to', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('contact_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_contact_request_site'), ['site'], unique=False)
        batch_op.create_index(batch_op.f('ix_contact_request_state'), ['state'], unique=False)
        batch_op.create_index(batch_op.f('ix_contact_request_terminal'), ['terminal'], unique=False)

    op.create_table('content_release',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('pack', sa.String(), nullable=False),
    sa.Column('built_at', UtcDateTime(), nullable=False),
    sa.Column('published_at', UtcDateTime(), nullable=False),
    sa.Column('published_by', sa.String(), nullable=False),
    sa.Column('files', sa.Integer(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('content_release', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_content_release_label'), ['label'], unique=True)

    op.create_table('ingest_cursor',
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('outbox', sa.String(), nullable=False),
    sa.Column('through', sa.BigInteger(), nullable=False),
    sa.Column('last', sa.String(), nullable=True),
    sa.Column('moved_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('terminal', 'outbox')
    )
    op.create_table('ingest_loss',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('outbox', sa.String(), nullable=False),
    sa.Column('first', sa.BigInteger(), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('counts', sa.String(), nullable=False),
    sa.Column('found_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('ingest_loss', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ingest_loss_terminal'), ['terminal'], unique=False)

    op.create_table('ingest_quarantine',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('outbox', sa.String(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('ingest_quarantine', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ingest_quarantine_terminal'), ['terminal'], unique=False)

    op.create_table('terminal',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('groups', sa.JSON(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('public_key', sa.String(), nullable=False),
    sa.Column('certificate_until', UtcDateTime(), nullable=True),
    sa.Column('hardware', sa.String(), nullable=False),
    sa.Column('isolated', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('enrolled_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('terminal_event',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('terminal_event', schema=None) as batch_op:
        batch_op.create_index('ix_terminal_event_terminal_at', ['terminal', 'at'], unique=False)

    op.create_table('terminal_health',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('cpu', sa.Float(), nullable=False),
    sa.Column('memory', sa.Float(), nullable=False),
    sa.Column('memory_bytes', sa.BigInteger(), nullable=False),
    sa.Column('disk_free', sa.Float(), nullable=False),
    sa.Column('disk_free_bytes', sa.BigInteger(), nullable=False),
    sa.Column('temperature', sa.Float(), nullable=True),
    sa.Column('uptime_s', sa.BigInteger(), nullable=False),
    sa.Column('agent_rss_bytes', sa.BigInteger(), nullable=False),
    sa.Column('page_tick_age_ms', sa.BigInteger(), nullable=True),
    sa.Column('clock_offset_ms', sa.BigInteger(), nullable=True),
    sa.Column('outbox_waiting', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('terminal_health', schema=None) as batch_op:
        batch_op.create_index('ix_terminal_health_terminal_at', ['terminal', 'at'], unique=False)

    op.create_table('terminal_pairing',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('csr', sa.String(), nullable=False),
    sa.Column('commitment', sa.String(), nullable=False),
    sa.Column('poll_digest', sa.String(), nullable=False),
    sa.Column('nonce', sa.String(), nullable=False),
    sa.Column('terminal_nonce', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('hardware', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('opened_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('terminal_setting',
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('setting_values', sa.JSON(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('changed_at', UtcDateTime(), nullable=False),
    sa.Column('changed_by', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('scope', 'target')
    )
    op.create_table('usage_event',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('terminal', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('day', sa.Integer(), nullable=False),
    sa.Column('at_ms', sa.BigInteger(), nullable=False),
    sa.Column('trusted', sa.SmallInteger(), nullable=False),
    sa.Column('mono_ms', sa.BigInteger(), nullable=False),
    sa.Column('session', sa.String(length=36), nullable=True),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('audience', sa.String(length=8), nullable=False),
    sa.Column('language', sa.String(length=12), nullable=False),
    sa.Column('accessibility', sa.String(length=200), nullable=False),
    sa.Column('page', sa.String(length=120), nullable=True),
    sa.Column('dwell_ms', sa.BigInteger(), nullable=True),
    sa.Column('active_ms', sa.BigInteger(), nullable=True),
    sa.Column('interactions', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=12), nullable=True),
    sa.Column('software', sa.String(length=200), nullable=False),
    sa.Column('content', sa.String(length=64), nullable=True),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('usage_event', schema=None) as batch_op:
        batch_op.create_index('ix_usage_event_counted', ['kind', 'day', 'terminal', 'audience', 'page', 'active_ms', 'interactions'], unique=False)

    op.create_table('access_web_session',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('token', sa.String(length=64), nullable=False),
    sa.Column('previous_token', sa.String(length=64), nullable=True),
    sa.Column('csrf', sa.String(length=64), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('rotated_at', UtcDateTime(), nullable=False),
    sa.Column('seen_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['access_account.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('token')
    )
    with op.batch_alter_table('access_web_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_access_web_session_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_access_web_session_previous_token'), ['previous_token'], unique=False)

    op.create_table('contact_act',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('request', sa.String(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.Column('by_name', sa.String(), nullable=False),
    sa.Column('act', sa.String(), nullable=False),
    sa.Column('detail', sa.String(), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['request'], ['contact_request.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('contact_act', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_contact_act_request'), ['request'], unique=False)

    op.create_table('terminal_command',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('execution', sa.Integer(), nullable=False),
    sa.Column('command_order', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('queued_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('sent_at', UtcDateTime(), nullable=True),
    sa.Column('answered_at', UtcDateTime(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('file', sa.String(), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['terminal'], ['terminal.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('terminal_command', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_terminal_command_state'), ['state'], unique=False)
        batch_op.create_index(batch_op.f('ix_terminal_command_terminal'), ['terminal'], unique=False)

    op.create_table('terminal_desired',
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('highest_reported', sa.Integer(), nullable=False),
    sa.Column('release_id', sa.String(), nullable=True),
    sa.Column('release_label', sa.String(), nullable=False),
    sa.Column('wished_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['terminal'], ['terminal.id'], ),
    sa.PrimaryKeyConstraint('terminal')
    )
    op.create_table('terminal_live',
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('heard_at', UtcDateTime(), nullable=True),
    sa.Column('connected', sa.Boolean(), nullable=False),
    sa.Column('connection', sa.String(), nullable=False),
    sa.Column('boot', sa.String(), nullable=False),
    sa.Column('boots', sa.JSON(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('report', sa.JSON(), nullable=True),
    sa.Column('reported_at', UtcDateTime(), nullable=True),
    sa.Column('changed_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['terminal'], ['terminal.id'], ),
    sa.PrimaryKeyConstraint('terminal')
    )
    op.create_table('terminal_place',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('since', UtcDateTime(), nullable=False),
    sa.Column('place', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['terminal'], ['terminal.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('terminal_place', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_terminal_place_terminal'), ['terminal'], unique=False)

    op.create_table('terminal_token',
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('terminal', sa.String(), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.Column('used_key', sa.String(), nullable=False),
    sa.Column('revoked', sa.Boolean(), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['terminal'], ['terminal.id'], ),
    sa.PrimaryKeyConstraint('digest')
    )
    with op.batch_alter_table('terminal_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_terminal_token_terminal'), ['terminal'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('terminal_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_terminal_token_terminal'))

    op.drop_table('terminal_token')
    with op.batch_alter_table('terminal_place', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_terminal_place_terminal'))

    op.drop_table('terminal_place')
    op.drop_table('terminal_live')
    op.drop_table('terminal_desired')
    with op.batch_alter_table('terminal_command', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_terminal_command_terminal'))
        batch_op.drop_index(batch_op.f('ix_terminal_command_state'))

    op.drop_table('terminal_command')
    with op.batch_alter_table('contact_act', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_contact_act_request'))

    op.drop_table('contact_act')
    with op.batch_alter_table('access_web_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_access_web_session_previous_token'))
        batch_op.drop_index(batch_op.f('ix_access_web_session_account_id'))

    op.drop_table('access_web_session')
    with op.batch_alter_table('usage_event', schema=None) as batch_op:
        batch_op.drop_index('ix_usage_event_counted')

    op.drop_table('usage_event')
    op.drop_table('terminal_setting')
    op.drop_table('terminal_pairing')
    with op.batch_alter_table('terminal_health', schema=None) as batch_op:
        batch_op.drop_index('ix_terminal_health_terminal_at')

    op.drop_table('terminal_health')
    with op.batch_alter_table('terminal_event', schema=None) as batch_op:
        batch_op.drop_index('ix_terminal_event_terminal_at')

    op.drop_table('terminal_event')
    op.drop_table('terminal')
    with op.batch_alter_table('ingest_quarantine', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ingest_quarantine_terminal'))

    op.drop_table('ingest_quarantine')
    with op.batch_alter_table('ingest_loss', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ingest_loss_terminal'))

    op.drop_table('ingest_loss')
    op.drop_table('ingest_cursor')
    with op.batch_alter_table('content_release', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_content_release_label'))

    op.drop_table('content_release')
    with op.batch_alter_table('contact_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_contact_request_terminal'))
        batch_op.drop_index(batch_op.f('ix_contact_request_state'))
        batch_op.drop_index(batch_op.f('ix_contact_request_site'))

    op.drop_table('contact_request')
    op.drop_table('access_sign_in_failure')
    with op.batch_alter_table('access_audit_entry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_access_audit_entry_subject'))
        batch_op.drop_index(batch_op.f('ix_access_audit_entry_at'))
        batch_op.drop_index('ix_access_audit_entry_act_at')
        batch_op.drop_index(batch_op.f('ix_access_audit_entry_account_id'))

    op.drop_table('access_audit_entry')
    with op.batch_alter_table('access_account', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_access_account_invitation'))

    op.drop_table('access_account')
