"""What is saved of an update: where it stands, and how many times each step has been tried."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agent import disk
from wire.software import SoftwareRelease, UpdatePhase


class Record(BaseModel):
    """`tries` counts how often the present phase has been begun, saved before it is: no crash loop goes unseen."""

    model_config = ConfigDict(frozen=True)

    phase: UpdatePhase = "idle"
    target: SoftwareRelease | None = None
    revision: int = 0
    """The wish that `target` comes from: the same one is not tried again, a later one of the same version is."""
    previous: str = ""
    """The version that ran before, whose slot is kept; in a trial the one to go back to."""
    spare: str = ""
    """In a trial: the slot that was kept until then. It stays if the trial ends badly."""
    fell: str = ""
    """The last fall that this record knows of."""
    tries: int = 0
    machine: str = ""
    """The boot of the machine in which the last try was begun."""
    cuts: int = 0
    """Tries of the present phase that ended with the machine."""
    linked_before: bool = False
    painting_before: bool = False
    reason: str = ""
    rejected: bool = False
    """Of `failed`: it can never run here."""
    release: SoftwareRelease | None = None
    """The last that was committed, in the boot `committed_boot`."""
    committed_boot: str = ""
    lost: SoftwareRelease | None = None
    """The last that was committed, in the boot `lost_boot`, where it fell: it is again if it is started again."""
    lost_boot: str = ""
    untold: tuple[dict[str, Any], ...] = ()
    """Events of changes of phase, saved with them, until it is saved that they are in the outbox. Each has its `id`."""


class Trial(BaseModel):
    """Shared with the launcher: there while `new` is not committed. Removing it is the commit."""

    model_config = ConfigDict(frozen=True)

    new: str
    old: str
    boots: int = 0


class Fell(BaseModel):
    """What the launcher notes when a version that was kept has died too often: `to` starts instead of it."""

    model_config = ConfigDict(frozen=True)

    version: str
    to: str
    deaths: int
    id: str


class Records:
    """The saved state in `root`. Every write is one synced rename; each raises `OSError`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self) -> Record:
        try:
            return Record.model_validate(disk.read_json(self._root / "update.json") or {})
        except ValidationError:
            return Record()

    def save(self, record: Record) -> None:
        disk.write_synced(self._root / "update.json", record.model_dump_json().encode())

    def trial(self) -> Trial | None:
        """As the launcher reads it, `agent.software.launcher.read`."""
        try:
            return Trial.model_validate(disk.read_json(self._root / "trial.json"))
        except ValidationError:
            return None

    def fell(self) -> Fell | None:
        noted = disk.read_json(self._root / "starts.json")
        try:
            return Fell.model_validate(noted["fell"]) if isinstance(noted, dict) and noted.get("fell") else None
        except ValidationError:
            return None

    def begin_trial(self, trial: Trial) -> None:
        disk.write_synced(self._root / "trial.json", trial.model_dump_json().encode())

    def end_trial(self) -> None:
        if (self._root / "trial.json").exists():
            disk.remove(self._root / "trial.json")
            disk.sync_dir(self._root)
