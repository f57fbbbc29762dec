"""A terminal whose agent runs from a slot, started by the launcher again and again, as systemd does.

versions = Versions(cache)                       # our own wheel, built once
with Launched(fleet.add("Laval"), versions.plain("1")) as laval:
    fleet.want_software(fleet.publish_software(versions.plain("2")))
    eventually(lambda: laval.runs("2"))
"""

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.software import launcher
from agent.software.wheels import Wheels
from fleet_server.software.build import own_wheel
from fleet_server.software.folder import Made, seal
from tests.fleet import Fleet, Kiosk, Process, eventually
from tests.wheels import altered, wheel

ROOT = Path(__file__).parents[1]
LAUNCHER = ROOT / "agent" / "software" / "launcher.py"
_LIBRARIES = next(path for path in sys.path if path.endswith("site-packages"))
MAIN = "agent/__main__.py"


class Versions:
    """Releases of our own wheel under any name. `libraries`: wheels of what it needs; without them it is taken from
    the tests' environment, by a link."""

    def __init__(self, folder: Path, libraries: Sequence[Path] = ()) -> None:
        self._folder = folder
        self._libraries = libraries or [wheel(folder, "libraries", "1", {"libraries.pth": f"{_LIBRARIES}\n"})]
        own_wheel(ROOT, folder / "own")
        self._own = next((folder / "own").glob("*.whl"))
        self._main = (ROOT / MAIN).read_text()

    def plain(self, version: str) -> Made:
        return self.changed(version, {})

    def beginning(self, version: str, code: str) -> Made:
        """Runs `code` first, when it is started (not when it is only looked at)."""
        start = 'if __name__ == "__main__":\n'
        lines = "".join(f"    {line}\n" for line in code.splitlines())
        return self.changed(version, {MAIN: self._main.replace(start, start + lines)})

    def changed(self, version: str, changes: Mapping[str, str | None], python: str = ">=3.11") -> Made:
        folder = self._folder / version
        altered(self._own, folder / "wheels", changes)
        for library in self._libraries:
            shutil.copy(library, folder / "wheels")
        return seal(folder, version, python)


class Disk:
    """A fresh file system of its own at `path`, for what is started by `within`; `seen`: the way there from outside."""

    def __init__(self, path: Path, size: str) -> None:
        path.mkdir(parents=True, exist_ok=True)
        mount = f"mount -t tmpfs -o size={size} none {path} && echo ready && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", mount], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout
        assert self._holder.stdout.readline() == "ready\n"
        target = ["-t", str(self._holder.pid), "--user", "--mount", f"--wd={ROOT}", "--preserve-credentials"]
        self.within = ["nsenter", *target]
        self.seen = Path(f"/proc/{self._holder.pid}/root{path}")

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


class Launched:
    """`settings`: the agent's own, by name. The health gate is a matter of seconds here. `disk`: the size of one of its
    own (`300m`), seen from here in `state`; `env`: a display's, for a window."""

    def __init__(
        self, fleet: Fleet, kiosk: Kiosk, first: Made, trial_s: int = 30, disk: str = "",
        env: Mapping[str, str] | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        self._fleet = fleet
        self.kiosk = kiosk
        self._disk = Disk(kiosk.state_dir, disk) if disk else None
        self._within = self._disk.within if self._disk else []
        self.state = self._disk.seen if self._disk else kiosk.state_dir
        self.root = self.state / "software"
        self._env = {"BALISE_TRIAL_S": str(trial_s)} | dict(env or {})
        given = {"state_dir": kiosk.state_dir, "port": kiosk.port, "update_steady_s": 1, "update_within_s": 6}
        given |= {"enrol": fleet.token(kiosk.terminal)} | settings
        self._env |= {f"BALISE_AGENT_{name.upper()}": str(value) for name, value in given.items()}
        self._over = threading.Event()
        self._restarting = threading.Thread(target=self._restart, daemon=True)
        self.process: Process | None = None
        self._install(first)

    def _install(self, made: Made) -> None:
        wheels = Wheels(self.root)
        wheels.prepare()
        wheels.keep_manifest(made.release.id, made.raw)
        for sha256, path in made.wheels.items():
            wheels.path(sha256).write_bytes(path.read_bytes())
        job = {"software": str(self.kiosk.state_dir / "software"), "target": made.release.model_dump()}
        install = [*self._within, sys.executable, "-m", "agent.software.install"]
        subprocess.run(install, input=json.dumps(job) + "\n", text=True, check=True, stdout=subprocess.DEVNULL,
                       cwd=ROOT)  # fmt: skip
        wheels.clear()
        launcher.point(str(self.root), made.release.version)

    def __enter__(self) -> "Launched":
        self._restarting.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        with contextlib.suppress(AttributeError):
            self.process.stop()
        self._restarting.join()
        if self._disk:
            self._disk.close()

    def _restart(self) -> None:
        root = self.kiosk.state_dir / "software"
        command = [*self._within, sys.executable, str(LAUNCHER), str(root), "-m", "agent"]
        while not self._over.is_set():
            self.process = Process(self.kiosk.name, command, self.kiosk.log, self._env)
            while self.process.alive and not self._over.wait(0.05):
                pass
            self._over.wait(0.2)
        if self.process:
            self.process.stop()

    def kill(self) -> None:
        assert self.process
        self.process.kill()

    # ---- what it is ----

    def record(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.root / "update.json").read_text()))
        except FileNotFoundError:
            return {}

    def phase(self) -> str:
        return str(self.record().get("phase", ""))

    def slots(self) -> set[str]:
        return {path.name for path in (self.root / "slots").iterdir()}

    def report(self) -> dict[str, Any]:
        return self._fleet.report(self.kiosk)

    def reported(self, software: str, phase: str = "") -> dict[str, Any]:
        """Waits until the server has heard that this runs, in this phase."""

        def said() -> dict[str, Any]:
            report = self.report()
            same = report.get("software") == software and (not phase or report["software_state"]["phase"] == phase)
            return report if same else {}

        return dict(eventually(said, 90, what=f"{self.kiosk.name} reports {software} {phase}: {self.report()}"))

    def told(self) -> list[str]:
        """Phases that its history tells, in order."""
        rows = self._fleet.rows(
            "select what from terminal_event where terminal = ? and what like 'software.%' order by id",
            self.kiosk.terminal,
        )
        return [what.removeprefix("software.") for (what,) in rows]
