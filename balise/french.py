"""What the command line says by itself, in French: headings of `--help`, and what was typed wrong.

Typer speaks English and has no other tongue; its own words are replaced here, and nowhere else.
"""

import gettext
import re
from collections.abc import Callable
from typing import Any

from typer._click.core import Command
from typer._click.exceptions import BadParameter, ClickException, MissingParameter, NoArgsIsHelpError, NoSuchOption
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup

_WORDS = {
    "Commands": "Commandes",
    "Error": "Erreur",
    "Aborted.": "Abandonné.",
    "Aborted!": "Abandonné.",
    "(deprecated) ": "(abandonné) ",
    "[default: {}]": "[sinon : {}]",
    "default: {default}": "sinon : {default}",
    "(dynamic)": "(selon le moment)",
    "[env var: {}]": "[ou par {}]",
    "env var: {var}": "ou par {var}",
    "[required]": "[nécessaire]",
    "required": "nécessaire",
    "Missing command.": "Il manque une commande.",
    "No such command {name!r}.": "« {name} » n’est pas une commande.",
}
"""By the words that Typer looks up. *Options* and *Arguments* are French already."""
_PIECES = {"COMMAND [ARGS]...": "COMMANDE [ARGUMENTS]..."}
_WRONG: list[tuple[str, str]] = [
    (r"Got unexpected extra argument\(s\) \((.*)\)", r"« \1 » est de trop."),
    (r"Option '(.*)' requires an argument\.?", r"L’option \1 demande une valeur."),
    (r"Option '(.*)' requires (\d+) arguments\.?", r"L’option \1 demande \2 valeurs."),
    (r"Option '(.*)' does not take a value\.?", r"L’option \1 ne prend pas de valeur."),
    (r"Argument '(.*)' takes (\d+) values\.?", r"« \1 » demande \2 valeurs."),
    (r"Input should be a valid integer.*", "un nombre entier est attendu."),
    (r"Input should be a valid number.*", "un nombre est attendu."),
    (r"Input should be a valid boolean.*", "oui ou non est attendu."),
    (r"Input should be a valid (?:date|datetime).*", "une date est attendue : 2026-11-24."),
    (r"Input should be (?:less than or equal to|at most) (.*)", r"au plus \1."),
    (r"Input should be (?:greater than or equal to|at least) (.*)", r"au moins \1."),
    (r"Input should be less than (.*)", r"moins de \1."),
    (r"Input should be greater than (.*)", r"plus de \1."),
    (r"'(.*)' is not one of (.*?)\.?", r"« \1 » n’est pas dans la liste : \2."),
    (r"(?:File|Directory|Path) '(.*)' does not exist\.", r"« \1 » n’existe pas."),
    (r"(?:File|Directory|Path) '(.*)' is a file\.", r"« \1 » est un fichier, un dossier est attendu."),
    (r"(?:File|Directory|Path) '(.*)' is a directory\.", r"« \1 » est un dossier, un fichier est attendu."),
    (r"(?:File|Directory|Path) '(.*)' is not readable\.", r"« \1 » ne peut pas être lu."),
    (r"(?:File|Directory|Path) '(.*)' is not writable\.", r"« \1 » : pas le droit d’y écrire."),
]
"""What an error says → in French. What is not here is shown as it is."""


def speak_french() -> None:
    """Once, before a command line is read."""
    known = gettext.dgettext
    gettext.dgettext = lambda domain, message: _WORDS.get(message) or known(domain, message)

    write_usage = HelpFormatter.write_usage

    def usage(self: HelpFormatter, prog: str, args: str = "", prefix: str | None = None) -> None:
        write_usage(self, prog, args, prefix or "Utilisation : ")

    HelpFormatter.write_usage = usage  # type: ignore[method-assign]
    pieces = Command.collect_usage_pieces
    Command.collect_usage_pieces = _in_french(pieces)  # type: ignore[method-assign]
    TyperGroup.collect_usage_pieces = _in_french(TyperGroup.collect_usage_pieces)  # type: ignore[method-assign]
    for kind in (TyperCommand, TyperGroup):
        kind.get_help_option = _named(kind.get_help_option)  # type: ignore[method-assign]


def _in_french(pieces: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def translated(self: Any, ctx: Any) -> list[str]:
        return [_PIECES.get(one, one) for one in pieces(self, ctx)]

    return translated


def _named(help_option: Callable[..., Any]) -> Callable[..., Any]:
    def named(self: Any, ctx: Any) -> Any:
        option = help_option(self, ctx)
        if option is not None:
            option.help = "Montrer cette aide."
        return option

    return named


def in_french(error: ClickException) -> str:
    """What was typed wrong, and where the help is; empty for a command that has shown its help already."""
    if isinstance(error, NoArgsIsHelpError):
        return ""
    context = getattr(error, "ctx", None)
    more = f"\nAide : {context.command_path} --help" if context else ""
    return _sentence(error) + more


def _sentence(error: ClickException) -> str:
    if isinstance(error, NoSuchOption):
        like = f" Peut-être {' ou '.join(sorted(error.possibilities))} ?" if error.possibilities else ""
        return f"« {error.option_name} » n’est pas une option ici.{like}"
    if isinstance(error, MissingParameter):
        return f"Il manque {_hint(error)}."
    said = _translated(error.message)
    return f"Valeur refusée pour {_hint(error)} : {said}" if isinstance(error, BadParameter) else said


def _hint(error: BadParameter) -> str:
    """`l’option --host`, `« terminal »`."""
    if error.param is None:
        return str(error.param_hint or "cette valeur")
    names = list(error.param.opts)
    return f"l’option {' / '.join(names)}" if names[0].startswith("-") else f"« {error.param.name} »"


def _translated(message: str) -> str:
    for pattern, french in _WRONG:
        if found := re.fullmatch(pattern, message, re.S):
            return found.expand(french)
    return message
