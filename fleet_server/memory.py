"""What a burst of work needed is given back; what was imported is not looked through again. Effects on this process."""

import ctypes
import gc

_ARENAS = -8
"""`M_ARENA_MAX` of glibc's `mallopt`: each thread that serves a page would otherwise keep a heap of its own."""
EVERY_S = 15.0


def settle() -> None:
    """Once all is imported and built, before the first request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 5)
    if mallopt := _of_libc("mallopt"):
        mallopt(_ARENAS, 1)


def give_back() -> None:
    """What the last burst left free, to the machine. A few milliseconds."""
    if trim := _of_libc("malloc_trim"):
        trim(0)


def _of_libc(name: str) -> "ctypes._NamedFuncPointer | None":
    """None where the C library is another than glibc."""
    return getattr(ctypes.CDLL(None), name, None)
