"""Whatever is typed at the command line, what it answers is in French."""

import json
import subprocess
import sys

import pytest

TYPED = [
    (["bof"], 2, "« bof » n’est pas une commande.\nAide : balise --help"),
    (["terminal", "bof"], 2, "« bof » n’est pas une commande.\nAide : balise terminal --help"),
    (["server", "broker"], 2, "Il manque l’option --host.\nAide : balise server broker --help"),
    (["server", "broker", "--host"], 2, "L’option --host demande une valeur."),
    (["server", "forget", "--dry-run=3"], 2, "L’option --dry-run ne prend pas de valeur."),
    (["terminal", "timeline"], 2, "Il manque « terminal ».\nAide : balise terminal timeline --help"),
    (["terminal", "timeline", "x", "y"], 2, "« y » est de trop."),
    (["terminal", "timeline", "x", "--befor", "z"], 2, "« --befor » n’est pas une option ici. Peut-être --before ?"),
    (["terminal", "timeline", "x", "--size", "900"], 2, "Valeur refusée pour l’option --size : au plus 200."),
    (["terminal", "timeline", "x", "--size", "0"], 2, "Valeur refusée pour l’option --size : au moins 1."),
    (["terminal", "timeline", "x", "--size", "a"], 2, "Valeur refusée pour l’option --size : un nombre entier est"),
    (["terminal", "timeline", "x", "--kind", "bof"], 1, "« bof » n’est pas un genre."),
    ([], 2, "Utilisation : balise [OPTIONS] COMMANDE [ARGUMENTS]..."),
    (["server", "--help"], 0, "Montrer cette aide."),
]
BOILERPLATE = (
    "Usage",
    "Try ",
    "Show this",
    "Commands",
    "[required]",
    "[default:",
    "[env var",
    "Missing",
    "Invalid",
    "Error",
)
SCRIPT = """
import contextlib, io, json, sys
from balise import cli
from balise.french import speak_french
from typer.main import get_command

def typed(*words):
    said = io.StringIO()
    sys.argv = ["balise", *words]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    return code, said.getvalue()

def every(command, *path):
    yield path
    for name in getattr(command, "commands", {}) or (command.list_commands(None) if not path else ()):
        yield from every(command.get_command(None, name), *path, name)

asked = json.load(sys.stdin)
root = get_command(cli.app)
helps = {" ".join(path): typed(*path, "--help") for path in every(root)}
print(json.dumps([[typed(*words) for words in asked], helps]))
"""


@pytest.fixture(scope="module")
def said():
    """In a process of its own: what is replaced in Typer stays replaced."""
    asked = json.dumps([words for words, *_ in TYPED])
    done = subprocess.run([sys.executable, "-c", SCRIPT], input=asked, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(TYPED)), ids=[" ".join(words) or "nothing" for words, *_ in TYPED])
def test_what_is_typed_wrong_is_said_in_french(said, number):
    _, code, words = TYPED[number]
    found = said[0][number]
    assert (found[0], words in found[1]) == (code, True), found[1]


def test_no_help_of_any_command_has_a_word_of_typers(said):
    assert len(said[1]) > 60
    english = {
        (command, word) for command, (_, text) in said[1].items() for word in BOILERPLATE if word in text
    }  # fmt: skip
    assert english == set()
    assert [command for command, (code, _) in said[1].items() if code != 0] == []
