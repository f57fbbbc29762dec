"""Software updates: one slot a version, one pointer, one saved state, and a launcher that can always go back.

See docs/decisions/0010-software-updates.md.
"""
