"""What an order to many terminals will do, told before it is given."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.terminals.foreseen import Aim, Open, called_off, effects, foresee, sentence, was_called_off
from wire.command import orders

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # 13:00 in Paris
LATER = NOON + timedelta(hours=5)
LAVAL = Aim("b-1", "Laval", online=False)
CHOLET = Aim("b-2", "Cholet", online=True, in_visit=True)
SEGRE = Aim("b-3", "Segré", refusal="pas encore enrôlée")
AT_REST = [Aim(f"b-1{n}", name, online=True) for n, name in enumerate(("Ancenis", "Sablé", "Nantes", "Vitré"))]


def asked(kind, **more):
    return orders.validate_python({"kind": kind} | more).model_dump(mode="json")


def said(kind, aims, until=LATER, **more):
    return sentence(foresee(asked(kind, **more), aims), until, NOON)


def test_each_terminal_is_told_by_what_happens_to_it():
    assert said("host.reboot", [*AT_REST, CHOLET, LAVAL, SEGRE]) == (
        "7 bornes : 4 maintenant, 1 à la fin de la visite ; Laval est hors ligne : elle l’aura si elle revient avant "
        "18:00 ; 1 ne peut pas : pas encore enrôlée."
    )


def test_by_force_a_visit_is_cut_and_that_is_said():
    assert said("host.reboot", [CHOLET], force=True) == "1 borne : 1 maintenant, en coupant une visite."
    found = foresee(asked("host.reboot", force=True), [CHOLET])
    assert [(one.tone, one.words) for one in effects(found, LATER, NOON)] == [
        ("bad", "Cholet : maintenant ; la personne qui s’en sert perd sa visite.")
    ]


@pytest.mark.parametrize(("kind", "words"), [
    ("window.restart", "1 maintenant, en coupant une visite"),  # it is for a window in trouble, and waits for nobody
    ("identify", "1 maintenant"),
    ("screenshot.take", "1 maintenant"),
    ("page.reload", "1 à la fin de la visite"),
    ("bench.run", "1 à la fin de la visite"),
])  # fmt: skip
def test_what_a_visit_holds_back_is_what_would_take_its_screen(kind, words):
    assert said(kind, [CHOLET]) == f"1 borne : {words}."


def test_the_hour_names_the_day_when_it_is_another():
    assert "si elle revient avant le 25 nov. à 13:00" in said("identify", [LAVAL], NOON + timedelta(days=1)).replace(
        "\u00a0", " "
    )
    away = [LAVAL, Aim("b-9", "Segré")]
    assert said("identify", away) == (
        "2 bornes : Laval et Segré sont hors ligne : elles l’auront si elles reviennent avant 18:00."
    )


def test_of_many_the_number_is_told_and_the_names_are_kept():
    found = foresee(asked("identify"), [Aim(f"b-{n}", f"Borne {n}", online=True, waiting=n % 2) for n in range(6)])
    now, behind, nobody = effects(found, LATER, NOON)
    assert (now.words, len(now.names)) == ("6 bornes : maintenant.", 6)
    assert behind.words == "Borne 1, Borne 3 et Borne 5 : après les commandes qui attendent déjà."
    assert nobody.words == "Aucune visite n’est interrompue."


def test_that_no_visit_ends_is_said_only_where_none_can():
    for order in (asked("window.restart"), asked("host.reboot", force=True)):
        assert "Aucune visite" not in str(effects(foresee(order, AT_REST), LATER, NOON))


def test_where_nobody_can_be_given_it_nothing_is_given():
    found = foresee(asked("identify"), [SEGRE, Aim("b-8", "Craon", refusal="isolée : deux machines, une clé")])
    assert (found.given, found.total) == (0, 2)
    assert sentence(found, LATER, NOON) == (
        "2 bornes : 1 ne peut pas : pas encore enrôlée ; 1 ne peut pas : isolée : deux machines, une clé."
    )


def test_calling_off_tells_what_is_gone_at_once_what_the_terminal_has_to_say_and_what_it_is_too_late_for():
    lines, reached = called_off(Open(["Laval"], ["Ernée"], ["Cholet"], ["Segré", "Craon"]))
    assert reached == 3
    assert [one.words for one in lines] == [
        "Laval : n’aura pas lieu.",
        "Ernée : envoyée, sans réponse encore ; la borne l’annule si elle ne l’a pas commencée entre-temps.",
        "Cholet : acceptée, attend la fin d’une visite ; la borne l’annule si elle ne l’a pas commencée entre-temps.",
        "Segré et Craon : déjà commencées ou annulées, se terminent.",
    ]
    assert called_off(Open()) == ([], 0)


def test_commands_are_counted_as_commands_and_agree():
    said = [
        one.words for one in called_off(Open(["Identifier"] * 5, waiting=["Recharger", "Redémarrer"]), "commande")[0]
    ]
    assert said == [
        "5 commandes : n’auront pas lieu.",
        "Recharger et Redémarrer : acceptées, attendent la fin d’une visite ; "
        "la borne les annule si elle ne les a pas commencées entre-temps.",
    ]
    [line] = called_off(Open(sent=["Laval", "Segré"]))[0]
    assert line.words.endswith("les bornes les annulent si elles ne les ont pas commencées entre-temps.")


@pytest.mark.parametrize(("ended", "asked", "said"), [
    (0, 0, "Rien n’attendait."),
    (1, 0, "1 commande annulée."),
    (0, 2, "Annulation demandée pour 2 commandes, réponse à venir."),
    (2, 1, "2 commandes annulées ; annulation demandée pour 1 commande, réponse à venir."),
])  # fmt: skip
def test_what_ended_and_what_was_only_asked_are_told_apart(ended, asked, said):
    assert was_called_off(ended, asked).replace("\u00a0", " ") == said
