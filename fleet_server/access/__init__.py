"""Accounts, sign-in, roles, sessions, and the audit log: who may do what, and who did."""
