"""Software updates: one slot a version, one pointer, one saved state, and a launcher that can always go back.

Complete in itself and tested so, and called by nothing yet: no wish names a software version, nothing implements
`update.Host`, and no unit starts the launcher.

See docs/decisions/0010-software-updates.md.
"""
