import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent import VERSION
from agent.settings import WrongSettings, read_settings


def test_what_is_given_wins_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("BALISE_AGENT_PORT", "8091")
    monkeypatch.setenv("BALISE_AGENT_STATE_DIR", str(tmp_path))
    assert (read_settings().port, read_settings(port=9000).port, read_settings(port=None).port) == (8091, 9000, 8091)
    assert read_settings().state_dir == tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PAIR", "laval"),
        ("HEALTH_EVERY_S", "0"),
        ("OUTBOX_BYTES", "12"),
        ("PRT", "1"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_and_value(monkeypatch, name, value):
    monkeypatch.setenv(f"BALISE_AGENT_{name}", value)
    with pytest.raises(WrongSettings, match=rf"BALISE_AGENT_{name} = '{value}'"):
        read_settings()


def test_a_yes_is_a_yes(monkeypatch):
    monkeypatch.setenv("BALISE_AGENT_WINDOW", "1")
    assert read_settings().window is True


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        read_settings().port = 1


def test_the_version_stated_is_the_distributions():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
