"""Settings: layers over each other, and what a person typed."""

from datetime import time

import pytest
from pydantic import ValidationError

from fleet_server.terminals.layers import settings_of
from fleet_server.terminals.models import SettingLayer
from fleet_server.terminals.setting_forms import day_hours, read_form, shown, words_of
from wire.state import MOST_HOURS, MOST_OPENINGS, OpeningHours, Settings


def layer(scope, target, **values):
    return SettingLayer(scope=scope, target=target, values=values)


LAYERS = [
    layer("terminal", "laval-01", idle_end_s=200),
    layer("all", "", idle_warning_s=45, idle_end_s=120, welcome={"fr": "Bonjour", "en": "Hello"}),
    layer("group", "mairies", idle_end_s=150, welcome={"fr": "Bienvenue à la mairie"}),
    layer("group", "autres", idle_end_s=600),
    layer("terminal", "cholet-01", idle_end_s=300),
]


def test_the_narrower_layer_wins_value_by_value():
    laval = settings_of("laval-01", ["mairies"], LAYERS)
    assert (laval.idle_warning_s, laval.idle_end_s) == (45, 200)


def test_a_text_is_merged_language_by_language():
    assert settings_of("laval-01", ["mairies"], LAYERS).welcome == {"fr": "Bienvenue à la mairie", "en": "Hello"}


def test_layers_of_others_do_not_touch_a_terminal():
    segre = settings_of("segre-01", [], LAYERS)
    assert (segre.idle_warning_s, segre.idle_end_s) == (45, 120)


def test_without_a_layer_a_terminal_has_the_defaults():
    assert settings_of("segre-01", [], []) == Settings()


def test_what_is_typed_becomes_settings():
    form = {
        "idle_warning_s": "80 s", "idle_end_s": " 120", "welcome_fr": "  Bonjour   à vous ",
        "host_phone": "02 00 00 00 53",
        "opening_0": "9:00-12:30, 14h-17h30", "opening_6": "fermé",
    }  # fmt: skip
    typed = read_form(form)
    assert typed.errors == {}
    settings = Settings.model_validate(typed.values)
    assert (settings.idle_warning_s, settings.idle_end_s) == (80, 120)
    assert settings.welcome == {"fr": "Bonjour à vous"}
    assert settings.opening == (
        OpeningHours(day=0, opens=time(9), closes=time(12, 30)),
        OpeningHours(day=0, opens=time(14), closes=time(17, 30)),
    )  # fmt: skip
    assert day_hours(settings.opening, 0) == "9:00-12:30, 14:00-17:30"


def test_what_the_form_shows_reads_back_as_the_same_values():
    values = {
        "idle_warning_s": 80, "idle_end_s": 120, "welcome": {"en": "Hello"}, "host_phone": "02 00 00 00 53",
        "opening": [{"day": 2, "opens": "09:00:00", "closes": "12:00:00"}],
        "download_kbit_s": 4000, "download_hours": [{"begins": "22:00:00", "ends": "06:00:00"}],
    }  # fmt: skip
    assert read_form(shown(values)).values == values


def test_a_narrow_scope_may_lift_what_a_wide_one_limits():
    typed = read_form({"download_kbit_s": "sans limite", "download_hours": "à toute heure"})
    assert typed.values == {"download_kbit_s": 0, "download_hours": []}
    assert read_form(shown(typed.values)).values == typed.values
    wide = layer("all", "", download_kbit_s=4000, download_hours=[{"begins": "22:00:00", "ends": "06:00:00"}])
    here = settings_of("laval-01", [], [wide, layer("terminal", "laval-01", **typed.values)])
    assert (here.download_kbit_s, here.download_hours) == (0, ())


def test_an_empty_form_sets_nothing():
    typed = read_form({"idle_warning_s": "", "opening_3": "", "welcome_fr": "   "})
    assert (typed.values, typed.errors) == ({}, {})


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("idle_end_s", "15", "15 s est trop court : une personne qui lit lentement serait coupée. Entre 40 et 900 s."),
        ("idle_end_s", "1000", "1000 s est trop long"),
        ("idle_warning_s", "une minute", "« une minute » n’est pas un nombre"),
        ("idle_warning_s", "6²", "« 6² » n’est pas un nombre"),
        ("idle_warning_s", "9" * 400, "est trop long"),
        ("opening_1", "9h-8h", "Mardi : « 9h-8h » ne se lit pas"),
        ("opening_1", "25:00-26:00", "ne se lit pas"),
        ("opening_1", ", ".join(["9:00-12:00"] * 9), "ne se lit pas"),
        ("download_kbit_s", "63", "Au moins 64 kbit/s, par exemple 4000, ou « sans limite »"),
        ("download_kbit_s", "vite", "« vite » n’est pas un débit"),
        ("download_kbit_s", "1" * 30, "n’est pas un débit"),
        ("download_hours", "la nuit", "« la nuit » ne se lit pas"),
        ("download_hours", "22:00-22:00", "ne se lit pas"),
        ("download_hours", "24:00-6:00", "ne se lit pas"),
        ("download_hours", ", ".join(["1:00-2:00"] * 9), "ne se lit pas"),
        ("host_phone", "appelez l’accueil", "Ce n’est pas un numéro"),
        ("welcome_fr", "x" * 281, "281 caractères : 280 au plus"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_accepted(field, text, said):
    typed = read_form({field: text})
    assert said in typed.errors[field]
    assert field not in typed.values


def test_the_end_of_a_visit_leaves_time_to_answer():
    errors = read_form({"idle_warning_s": "80", "idle_end_s": "90"}).errors
    assert errors == {"idle_end_s": "La fin de visite vient au moins 20 s après « Toujours là ? »."}


def test_settings_read_as_words():
    words = dict(words_of(Settings(idle_end_s=120, opening=(OpeningHours(day=0, opens=time(9), closes=time(12)),))))
    assert words["Fin de visite"] == "120 s"
    assert words["Horaires"] == "1 jour par semaine"
    assert words["Accueil"] == "texte de l’édition"


@pytest.mark.parametrize(("name", "one", "most"), [
    ("opening", {"day": 0, "opens": "09:00", "closes": "12:00"}, MOST_OPENINGS),
    ("download_hours", {"begins": "22:00", "ends": "06:00"}, MOST_HOURS),
    ("languages", "fr", 20),
])  # fmt: skip
def test_no_list_of_settings_is_without_an_end(name, one, most):
    assert len(getattr(Settings.model_validate({name: [one] * most}), name)) == most
    with pytest.raises(ValidationError):
        Settings.model_validate({name: [one] * (most + 1)})
