"""What each order is asked with: one table for the page, the command line and the API's list of orders.

Bounds and defaults are those of the messages themselves (`wire.command`), so that none is written twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args

from pydantic import ValidationError

from fleet_server.terminals.words import ORDERS
from wire.command import Order, orders

ON, OFF = "oui", "non"


@dataclass(frozen=True, slots=True)
class Param:
    """`name`: of the message's field. `per`: how many of the message's unit make one of the form's."""

    name: str
    label: str
    kind: Literal["number", "text", "tick", "choice"] = "number"
    unit: str = ""
    per: int = 1
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    option: str = ""
    """On the command line, where it is not `--name`."""


_FORCE = Param("force", "Sans attendre la fin de la visite, qui est alors coupée", "tick")
PARAMS: dict[str, tuple[Param, ...]] = {
    "window.restart": (),
    "page.reload": (_FORCE,),
    "host.reboot": (_FORCE,),
    "screenshot.take": (),
    "logs.fetch": (Param("kib", "Journal, au plus", unit="Kio", hint="La part la plus récente."),),
    "bench.run": (
        Param("touch_s", "Temps pour toucher la grille", unit="s", hint="0 : personne n’est devant l’écran.",
              option="--touch"),
        _FORCE,
    ),
    "identify": (Param("seconds", "Durée à l’écran", unit="s"),),
    "message.show": (
        Param("text", "Message", "text"),
        Param("seconds", "Durée à l’écran", unit="min", per=60),
    ),
    "message.clear": (),
    "maintenance.set": (
        Param("on", "Maintenance", "choice", choices=((ON, "Mettre en maintenance"), (OFF, "En sortir")),
              option="--on ou --off"),
        Param("minutes", "Durée", unit="min", hint="Elle en sort ensuite d’elle-même."),
        _FORCE,
    ),
    "volume.set": (Param("percent", "Volume", unit="%"),),
    "brightness.set": (Param("percent", "Luminosité", unit="%", hint="Jamais noir : on croirait l’écran en panne."),),
}  # fmt: skip
GROUPS = (
    ("Devant l’écran", ("identify", "message.show", "message.clear", "volume.set", "brightness.set")),
    ("La page et la machine", ("window.restart", "page.reload", "host.reboot", "maintenance.set")),
    ("Savoir ce qui s’y passe", ("screenshot.take", "logs.fetch", "bench.run")),
)
HELP = {
    "window.restart": "Pour une fenêtre en panne : tout de suite, même pendant une visite, qui est alors perdue.",
    "page.reload": "Entre deux visites.",
    "host.reboot": "La machine entière, entre deux visites. Elle répond après son redémarrage.",
    "screenshot.take": "Jamais pendant qu’une personne remplit un formulaire.",
    "logs.fetch": "Sans secret ni personne.",
    "bench.run": "Vidéo, image, toucher, son, disque, réseau, horloge. Quelques minutes, entre deux visites.",
    "identify": "Laquelle est laquelle ?",
    "message.show": "Par-dessus ce que l’écran montre, pour qui se tient devant.",
    "message.clear": "Avant la fin de sa durée.",
    "maintenance.set": "Une page calme à la place des visites, aussi après un redémarrage.",
    "volume.set": "Le son de la machine.",
    "brightness.set": "La lumière de l’écran.",
}
"""What people should know before they ask for it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """In the message's unit; None: not bounded, or nothing by default (it must be given)."""

    least: int | None
    most: int | None
    default: Any


@dataclass
class Typed:
    """What a form says: an order, or sentences on what is wrong, by the form's fields."""

    order: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@cache
def _fields() -> dict[str, dict[str, dict[str, Any]]]:
    """Order → field → what its message says of it."""
    models = get_args(get_args(Order)[0])
    return {one.model_fields["kind"].default: one.model_json_schema()["properties"] for one in models}


def bounds(kind: str, param: Param) -> Bounds:
    known = _fields()[kind][param.name]
    return Bounds(known.get("minimum"), known.get("maximum", known.get("maxLength")), known.get("default"))


def shown_bounds(kind: str, param: Param) -> Bounds:
    """In the form's unit: the least is rounded up, the most down."""
    own = bounds(kind, param)
    if param.kind != "number":
        return own
    least, most = -(-(own.least or 0) // param.per), (own.most or 0) // param.per
    return Bounds(least, most, None if own.default is None else max(least, own.default // param.per))


def field_name(kind: str, param: Param) -> str:
    """In the form, where every order has its fields: `message_show_text`."""
    return f"{kind.replace('.', '_')}_{param.name}"


def blank() -> dict[str, str]:
    """The form as it is first shown: what the messages have by default."""
    values = {}
    for kind, params in PARAMS.items():
        for param in params:
            default = shown_bounds(kind, param).default
            values[field_name(kind, param)] = "" if default in (None, False) else str(default)
    return values | {"maintenance_set_on": ON}


def read_order(kind: str, form: Mapping[str, str]) -> Typed:
    """`kind` from the outside, too."""
    typed = Typed()
    if kind not in PARAMS:
        typed.errors["order"] = "Choisissez une commande." if not kind else f"« {kind[:40]} » n’est pas une commande."
        return typed
    typed.order["kind"] = kind
    for param in PARAMS[kind]:
        name = field_name(kind, param)
        text = form.get(name, "")
        match param.kind:
            case "number":
                _number(typed, kind, param, name, text)
            case "text":
                _text(typed, kind, param, name, text)
            case "tick":
                typed.order[param.name] = text == ON
            case "choice":
                if text not in dict(param.choices):
                    typed.errors[name] = "Choisissez l’un ou l’autre."
                typed.order[param.name] = text == ON
    if not typed.errors:
        typed.order = orders.validate_python(typed.order).model_dump(mode="json")
    return typed


def _number(typed: Typed, kind: str, param: Param, name: str, text: str) -> None:
    said, limits = text.strip().removesuffix(param.unit).strip(), shown_bounds(kind, param)
    value = int(said) if said.isdecimal() and len(said) < 9 else None
    if not said and limits.default is not None:
        return
    if value is None or not (limits.least or 0) <= value <= (limits.most or 0):
        typed.errors[name] = f"{param.label} : {_accepted(param, limits)}."
    else:
        typed.order[param.name] = value * param.per


def _text(typed: Typed, kind: str, param: Param, name: str, text: str) -> None:
    said, most = " ".join(text.split()), bounds(kind, param).most or 0
    if not said:
        typed.errors[name] = f"{param.label} : écrivez ce que l’écran doit montrer."
    elif len(said) > most:
        typed.errors[name] = f"{param.label} : {most} signes au plus, il y en a {len(said)}."
    elif not said.isprintable():
        typed.errors[name] = f"{param.label} : un signe invisible s’y trouve, retapez-le."
    else:
        typed.order[param.name] = said


def _accepted(param: Param, limits: Bounds) -> str:
    return f"un nombre entre {limits.least} et {limits.most}{f' {param.unit}' if param.unit else ''}"


def told(order: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an order is asked with that its own words (`words.order_words`) don't say."""
    return [
        (param.label, f"{order[param.name] // param.per} {param.unit}")
        for param in PARAMS[order["kind"]]
        if param.kind == "number" and param.name not in ("percent", "minutes")
    ]


# ---- for the command line and the API ----------------------------------------------------------------------------


def refused_option(kind: str, given: Mapping[str, Any]) -> str:
    """Why the command line's options don't go with this order, in the message's units; empty when they do."""
    if kind not in PARAMS:
        return f"« {kind} » n’est pas une commande. Il y a : {', '.join(PARAMS)}."
    known = {param.name: param for param in PARAMS[kind]}
    if foreign := [name for name in given if name not in known]:
        words = {param.name: _option(param) for params in PARAMS.values() for param in params}
        return f"{kind} ne prend pas « {words[foreign[0]]} »."
    try:
        orders.validate_python({"kind": kind} | dict(given))
    except ValidationError as error:
        param = known[str(error.errors()[0]["loc"][-1])]
        own = bounds(kind, param)
        accepted = {"number": f"un nombre entre {own.least} et {own.most}", "text": f"de 1 à {own.most} signes"}
        return f"« {_option(param)} » ne va pas avec {kind} : {accepted.get(param.kind, 'l’un des deux')}."
    return ""


def _option(param: Param) -> str:
    return param.option or f"--{param.name}"


def catalogue() -> list[dict[str, Any]]:
    """Every order with what it is asked with, in the messages' own units, for programs."""
    return [
        {"kind": kind, "words": ORDERS[kind], "help": HELP[kind], "params": [_described(kind, one) for one in params]}
        for kind, params in PARAMS.items()
    ]


def _described(kind: str, param: Param) -> dict[str, Any]:
    own = bounds(kind, param)
    type_ = {"number": "integer", "text": "string"}.get(param.kind, "boolean")
    return {"name": param.name, "type": type_, "least": own.least, "most": own.most, "default": own.default,
            "required": own.default is None}  # fmt: skip
