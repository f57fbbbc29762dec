"""A step of an update in a process of its own: the agent stays small, and can end it at any byte."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any


class NotDone(Exception):
    """`kind` as the child says it; `lacks`: bytes of disk."""

    def __init__(self, kind: str, reason: str, lacks: int = 0) -> None:
        super().__init__(f"{kind}: {reason}" if reason else kind)
        self.kind = kind
        self.reason = reason
        self.lacks = lacks


class Child:
    """One at a time; `run` is called in a thread, `end` from another: what begins after it ends too, until `open`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def run(self, module: str, job: dict[str, Any], progress: Callable[[float], None]) -> None:
        """Returns when it is done. Raises `NotDone`: with the kind `ended` when `end` was called."""
        with self._lock:
            if self._closed:
                raise NotDone("ended", "")
            self._process = child = subprocess.Popen(
                [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        last: dict[str, Any] = {}
        with child:
            assert child.stdin
            assert child.stdout
            try:
                child.stdin.write(json.dumps(job) + "\n")
                child.stdin.close()
                for line in child.stdout:
                    last = json.loads(line)
                    if "progress" in last:
                        progress(last["progress"])
            except (OSError, ValueError, TypeError, AttributeError) as error:  # it spoke nonsense
                child.kill()
                last = {"failed": "unreachable", "reason": f"{type(error).__name__}: {error}"}
        with self._lock:
            ended, self._process = self._closed, None
        if not last.get("done"):
            told = "ended" if ended else last.get("failed", "unreachable")
            raise NotDone(told, last.get("reason", f"ended with {child.returncode}"), last.get("lacks", 0))

    def end(self) -> None:
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()

    def open(self) -> None:
        with self._lock:
            self._closed = False
