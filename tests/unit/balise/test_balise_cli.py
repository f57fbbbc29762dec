"""The command line loads only what is called."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from balise.cli import app


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_command_line_itself_loads_neither_server_nor_agent():
    loaded = python("import sys, balise.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))").split()
    assert not {"agent", "fleet_server", "fastapi", "sqlalchemy", "paho"} & set(loaded)


def test_an_unknown_command_is_refused_by_name():
    asked = subprocess.run([sys.executable, "-m", "balise", "fleurir"], capture_output=True, text=True)
    assert asked.returncode == 2
    assert "fleurir" in asked.stderr


def test_a_database_that_is_not_there_is_one_sentence_with_the_remedy(tmp_path):
    command = [sys.executable, "-m", "balise", "account", "list", "--data-dir", str(tmp_path / "nowhere")]
    asked = subprocess.run(command, capture_output=True, text=True)
    assert asked.returncode == 1
    assert "balise server init" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_every_command_and_option_says_what_it_is_for():
    silent = [name for name, help_text in said(get_command(app), "balise") if not help_text]
    assert silent == []


def said(command: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """Each command below, and what may be typed behind it, with its help."""
    yield path, command.help
    for parameter in command.params:
        yield f"{path} {parameter.name}", parameter.help
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from said(command.get_command(None, name), f"{path} {name}")
