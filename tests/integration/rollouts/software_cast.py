"""The cast with software: versions published by the offline key, terminals that tell where their update stands."""

from pathlib import Path
from typing import Any

from sqlmodel import Session

from fleet_server.releases.software import publish_software
from fleet_server.terminals.inbound import Said, take
from fleet_server.terminals.models import TerminalDesired
from tests.integration.rollouts.cast import BOOT, OLD, Cast
from tests.trust import OFFLINE, with_repository
from tests.wheels import software_folder
from wire.software import SoftwareRelease
from wire.state import ContentState, Reported, SoftwareState

LATER = "0192a1b2-0000-7000-8000-000000000002"


class SoftwareCast(Cast):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        with_repository(self.office)
        self.released = {version: self.publish(directory, version) for version in ("1.4.2", "1.5.0", "1.6.0")}

    def publish(self, directory: Path, version: str) -> SoftwareRelease:
        made = software_folder(directory / version, version)
        assert publish_software(self.ctx, made, [OFFLINE["software"]], "Corrige le son.", None)
        return made.release

    def updates(self, name: str, phase: Any, runs: str = "1.4.2", target: str = "1.5.0", boot: str = BOOT,
                report_of: int | None = None, **state: Any) -> None:  # fmt: skip
        """It says so. `report_of`: the wish that it speaks of, otherwise the one it has now."""
        terminal = self.ids[name]
        self._numbers[name] = self._numbers.get(name, 0) + 1
        with Session(self.ctx.engine) as session:
            revision = session.get_one(TerminalDesired, terminal).revision if report_of is None else report_of
        report = Reported(
            number=self._numbers[name], generation=1, boot=boot, at=self.clock(), clock_trusted=True, software=runs,
            revision=revision, content=ContentState(active=OLD, phase="committed", target=OLD, revision=revision),
            software_state=SoftwareState(phase=phase, target=self.released[target], revision=revision, **state),
        )  # fmt: skip
        take(self.ctx, [Said("reported", terminal, report.model_dump_json().encode())])

    def commits(self, *names: str, version: str = "1.5.0") -> None:
        for name in names:
            self.updates(name, "committed", runs=version, target=version, boot=LATER, previous="1.4.2",
                         release=self.released[version], committed_boot=LATER)  # fmt: skip
