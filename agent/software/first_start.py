"""Run by the slot's own Python, before the screen goes dark for it: is what is in it started, and does it say itself
that it can serve? `first_start.py <entry>`; ends with 0, with `NOT_NOW`, or with a traceback and 1.

Of the standard library alone: it is the version that runs that looks, and the slot may hold any other.
"""

import errno
import importlib
import os
import sys

NOT_NOW = os.EX_TEMPFAIL
"""It could not be tried: this machine lacked something, which says nothing of the version."""
_LACKING = {
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE,
}  # fmt: skip


def machines_fault(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(machines_fault(one) for one in error.exceptions)
    if isinstance(error, TimeoutError | MemoryError):
        return True
    return isinstance(error, OSError) and error.errno in _LACKING


def main(entry: str) -> None:
    try:
        started = importlib.import_module(f"{entry}.__main__")
        getattr(started, "check", lambda: None)()
    except Exception as error:
        if not machines_fault(error):
            raise
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(NOT_NOW)


if __name__ == "__main__":
    main(sys.argv[1])
