"""Imports once, then is born again at each line it is sent: what costs time in a kill is not what is tested."""

import os
import sys
from collections.abc import Callable


def born_again(run: Callable[[], object]) -> None:
    """Each life is a process of its own, that says `pid N` first; its end is told by `gone`."""
    print("warm", flush=True)
    while sys.stdin.readline():
        life = os.fork()
        if life == 0:
            print(f"pid {os.getpid()}", flush=True)
            run()
            os._exit(0)
        os.waitpid(life, 0)
        print("gone", flush=True)
