"""YAML and JSON with the line of every value, so that a problem can be shown where it was written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 40
At = tuple[int | str, ...]
"""Where in a file: keys and positions, as pydantic names them."""


class Unreadable(Exception):
    """`line` from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Document:
    data: Any
    lines: dict[At, int]

    def line(self, at: At) -> int:
        """Of the value, or of the nearest thing around it that was written."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


def read(path: Path) -> Document:
    """JSON is YAML here, but large JSON is read by the fast parser. Raises `Unreadable`, `OSError`."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise Unreadable(1, f"plus de {MAX_FILE_BYTES // 1024 // 1024} Mo")
    try:
        text = path.read_text("utf-8")
        _refuse_traps(text)
        loader = yaml.CSafeLoader(text) if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            lines: dict[At, int] = {}
            if node is not None:
                _collect(node, (), lines)
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        raise Unreadable(1, "le fichier n’est pas en UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error)
        raise Unreadable(mark.line + 1 if mark else 1, f"YAML illisible : {said}") from error
    except ValueError as error:  # a date or a number that is none: YAML does not say where
        raise Unreadable(1, f"une valeur ne se lit pas ({error})") from error
    return Document(data, lines)


def _refuse_traps(text: str) -> None:
    """Event by event, nothing built: composing goes down by recursion, in C, where too deep ends the process; and each
    alias stands for all that it names, so that a few lines of them are more than memory holds."""
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > MAX_DEPTH:
            raise Unreadable(line, f"plus de {MAX_DEPTH} niveaux l’un dans l’autre")
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(line, "un renvoi YAML (« * ») : le texte s’écrit en entier")


def _collect(node: yaml.Node, at: At, lines: dict[At, int]) -> None:
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(key.start_mark.line + 1, "une clé est une liste ou un groupe, pas un mot")
            if key.value in seen:
                raise Unreadable(key.start_mark.line + 1, f"la clé « {key.value} » est écrite deux fois")
            seen.add(key.value)
            _collect(value, (*at, key.value), lines)
            lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _collect(value, (*at, position), lines)
