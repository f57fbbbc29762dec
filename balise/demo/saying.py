"""What the demonstration says while it gets ready: one line a step, alive on a terminal, plain in a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.status import Status


class Saying:
    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator["Step"]:
        """A line that turns while the block runs, and stays with its duration when it is done."""
        started = monotonic()
        with self.console.status(name, spinner="dots") as status:
            step = Step(name, status)
            yield step
        detail = f" : {step.detail}" if step.detail else ""
        self.console.print(f"[green]✓[/] {name}{detail} [dim]({monotonic() - started:.1f} s)[/]")

    def line(self, text: str = "") -> None:
        self.console.print(text)


class Step:
    def __init__(self, name: str, status: Status) -> None:
        self.name = name
        self.detail = ""
        self._status = status

    def now(self, detail: str) -> None:
        """Where it stands: `3 bornes sur 7`."""
        self.detail = detail
        self._status.update(f"{self.name} : {detail}")
