"""A back-office on a real socket, and the fleet it runs."""

from tests.integration.terminals.conftest import fleet

__all__ = ["fleet"]
