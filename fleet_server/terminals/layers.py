"""Settings in layers: all < group < terminal, value by value. Pure."""

from collections.abc import Sequence
from typing import Any

from fleet_server.terminals.models import SettingLayer
from wire.state import Settings

SCOPES = ("all", "group", "terminal")


def layers_of(terminal_id: str, groups: Sequence[str], layers: Sequence[SettingLayer]) -> list[SettingLayer]:
    """The layers that apply to a terminal, widest first; groups in the order of their names."""
    mine = [
        layer
        for layer in layers
        if layer.scope == "all"
        or (layer.scope == "group" and layer.target in groups)
        or (layer.scope == "terminal" and layer.target == terminal_id)
    ]
    return sorted(mine, key=lambda layer: (SCOPES.index(layer.scope), layer.target))


def merged(layers: Sequence[SettingLayer]) -> dict[str, Any]:
    """What the layers set, together. A text per language is merged by language."""
    values: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.values.items():
            values[name] = added(values.get(name), value)
    return values


def added(below: Any, value: Any) -> Any:
    """A value on top of another of the same name."""
    return below | value if isinstance(value, dict) and isinstance(below, dict) else value


def settings_of(terminal_id: str, groups: Sequence[str], layers: Sequence[SettingLayer]) -> Settings:
    return Settings.model_validate(merged(layers_of(terminal_id, groups, layers)))
