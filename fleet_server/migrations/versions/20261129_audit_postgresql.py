"""On PostgreSQL too, the audit log only grows, loses values with their salt, and its oldest lines."""

from alembic import op

revision = "7d1e4c90ab52"
down_revision = "f10c95b7a2e4"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE FUNCTION access_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER access_audit_entry_no_update BEFORE UPDATE ON access_audit_entry FOR EACH ROW "
    "WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.at IS DISTINCT FROM OLD.at OR NEW.act IS DISTINCT FROM OLD.act "
    "OR length(NEW.salts::text) >= length(OLD.salts::text)) EXECUTE FUNCTION access_audit_append_only()",
    "CREATE TRIGGER access_audit_entry_no_delete BEFORE DELETE ON access_audit_entry FOR EACH ROW "
    "WHEN (OLD.at > now() - interval '180 days') EXECUTE FUNCTION access_audit_append_only()",
    "CREATE TRIGGER access_audit_link_no_update BEFORE UPDATE ON access_audit_link FOR EACH ROW "
    "EXECUTE FUNCTION access_audit_append_only()",
    "CREATE TRIGGER access_audit_link_no_delete BEFORE DELETE ON access_audit_link FOR EACH ROW "
    "EXECUTE FUNCTION access_audit_append_only()",
    "CREATE TRIGGER access_audit_entry_no_truncate BEFORE TRUNCATE ON access_audit_entry FOR EACH STATEMENT "
    "EXECUTE FUNCTION access_audit_append_only()",
    "CREATE TRIGGER access_audit_link_no_truncate BEFORE TRUNCATE ON access_audit_link FOR EACH STATEMENT "
    "EXECUTE FUNCTION access_audit_append_only()",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION access_audit_append_only CASCADE")
