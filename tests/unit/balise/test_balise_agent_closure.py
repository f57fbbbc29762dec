"""What a kiosk carries: the `agent` extra brings the agent's libraries and nothing of the server's."""

import subprocess
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement

FORBIDDEN = {
    "fastapi", "sqlalchemy", "sqlmodel", "alembic", "jinja2", "iotcore", "scipy", "numpy", "pandas", "statsmodels",
    "ansible", "ansible-core", "ansible-runner", "weasyprint", "pyside6", "pyside6-essentials", "pywebview", "pytest",
}  # fmt: skip


def closure(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Every distribution that installing this brings, from what the installed ones declare."""
    if (name, extras) in seen:
        return set()
    seen.add((name, extras))
    found = {name}
    for line in requires(name) or ():
        wanted = Requirement(line)
        environments = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if wanted.marker is None or any(wanted.marker.evaluate(environment) for environment in environments):
            found |= closure(wanted.name.lower().replace("_", "-"), frozenset(wanted.extras), seen)
    return found


def test_the_agent_brings_nothing_of_the_server():
    brought = closure("balise", frozenset({"agent"}), set())
    assert {"paho-mqtt", "starlette", "tuf", "cryptography", "pydantic"} <= brought
    assert brought & FORBIDDEN == set()


def test_the_window_adds_qt_and_still_nothing_of_the_server():
    brought = closure("balise", frozenset({"window"}), set())
    assert "pyside6-essentials" in brought
    assert brought & FORBIDDEN == {"pyside6", "pyside6-essentials", "pywebview"} & brought


def test_a_running_agent_loads_nothing_of_the_server():
    code = "import sys, agent.app; print(*sorted({name.partition('.')[0].lower() for name in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded & (FORBIDDEN | {"fleet_server", "balise"}) == set()
    assert not loaded & {"tuf", "securesystemslib"}, "TUF is for the process that fetches"
