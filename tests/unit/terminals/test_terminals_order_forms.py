"""The table of what orders are asked with: nothing of the messages is missing, and what is typed is bounded by them."""

from typing import get_args

import pytest

from fleet_server.terminals.order_forms import (
    GROUPS,
    HELP,
    PARAMS,
    blank,
    bounds,
    catalogue,
    field_name,
    read_order,
    refused_option,
)
from fleet_server.terminals.words import ORDERS
from wire.command import Order, orders

MODELS = {one.model_fields["kind"].default: one for one in get_args(get_args(Order)[0])}


def test_the_table_holds_every_order_with_every_field_of_its_message():
    assert PARAMS.keys() == MODELS.keys() == ORDERS.keys() == HELP.keys()
    assert sorted(kind for _, kinds in GROUPS for kind in kinds) == sorted(MODELS)
    for kind, model in MODELS.items():
        assert {one.name for one in PARAMS[kind]} == model.model_fields.keys() - {"kind"}, kind


@pytest.mark.parametrize(
    "kind", [kind for kind in PARAMS if kind not in ("message.show", "volume.set", "brightness.set")]
)
def test_the_form_as_it_is_first_shown_gives_what_the_message_has_by_default(kind):
    more = {"on": True} if kind == "maintenance.set" else {}
    typed = read_order(kind, blank())
    assert (typed.errors, typed.order) == ({}, orders.validate_python({"kind": kind} | more).model_dump(mode="json"))


NUMBERS = [(kind, one) for kind, params in PARAMS.items() for one in params if one.kind == "number"]


@pytest.mark.parametrize(("kind", "param"), NUMBERS, ids=[f"{kind}-{one.name}" for kind, one in NUMBERS])
def test_a_number_is_taken_within_the_bounds_of_its_message_and_refused_by_name_beyond(kind, param):
    own, name, form = bounds(kind, param), field_name(kind, param), blank() | {"message_show_text": "Bonjour"}
    least, most = -(-own.least // param.per), own.most // param.per
    for value in (least, most):
        typed = read_order(kind, form | {name: f" {value} {param.unit}"})
        assert (typed.errors, typed.order[param.name]) == ({}, value * param.per)
    for wrong in (str(least - 1), str(most + 1), "1e9", "½", "9" * 30, "beaucoup"):
        typed = read_order(kind, form | {name: wrong})
        assert f"entre {least} et {most}" in typed.errors[name]


def test_what_has_no_value_by_default_must_be_given():
    assert "entre 0 et 100 %" in read_order("volume.set", blank()).errors["volume_set_percent"]
    assert "écrivez" in read_order("message.show", blank()).errors["message_show_text"]
    assert "l’un ou l’autre" in read_order("maintenance.set", {}).errors["maintenance_set_on"]


@pytest.mark.parametrize(("text", "said"), [("x" * 201, "il y en a 201"), ("a\x00b", "invisible"), (" \n ", "écrivez")])
def test_a_message_is_what_a_screen_can_show(text, said):
    assert said in read_order("message.show", blank() | {"message_show_text": text}).errors["message_show_text"]


def test_a_message_is_one_line():
    typed = read_order(
        "message.show", blank() | {"message_show_text": " Fermé\n à 17 h ", "message_show_seconds": "10"}
    )
    assert typed.order == {"kind": "message.show", "text": "Fermé à 17 h", "seconds": 600}


def test_only_what_the_chosen_order_is_asked_with_is_read():
    typed = read_order("identify", blank() | {"volume_set_percent": "many", "identify_seconds": "30"})
    assert (typed.errors, typed.order) == ({}, {"kind": "identify", "seconds": 30})


@pytest.mark.parametrize("kind", ["", "disk.format", "x" * 5000])
def test_an_order_that_does_not_exist_is_refused(kind):
    assert len(read_order(kind, {}).errors["order"]) < 80


@pytest.mark.parametrize(("kind", "given", "said"), [
    ("volume.set", {"percent": 101}, "« --percent » ne va pas avec volume.set : un nombre entre 0 et 100."),
    ("volume.set", {}, "« --percent » ne va pas avec volume.set : un nombre entre 0 et 100."),
    ("message.show", {"text": ""}, "« --text » ne va pas avec message.show : de 1 à 200 signes."),
    ("maintenance.set", {}, "« --on ou --off » ne va pas avec maintenance.set : l’un des deux."),
    ("identify", {"text": "x"}, "identify ne prend pas « --text »."),
    ("screenshot.take", {"force": True}, "screenshot.take ne prend pas « --force »."),
    ("bench.run", {"touch_s": 500}, "« --touch » ne va pas avec bench.run : un nombre entre 0 et 120."),
    ("identify", {"seconds": 30}, ""),
])  # fmt: skip
def test_the_command_line_is_told_what_an_order_takes(kind, given, said):
    assert refused_option(kind, given) == said


def test_programs_are_told_every_order():
    volume = next(one for one in catalogue() if one["kind"] == "volume.set")
    assert volume["params"] == [
        {"name": "percent", "type": "integer", "least": 0, "most": 100, "default": None, "required": True}
    ]
