"""Searches of the fleet's list kept under a name: one's own or the team's, for pages, programs and the command line."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from fleet_server.access.models import Account, AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.terminals.fleet_access import Local, Refused
from fleet_server.terminals.models import FleetView
from fleet_server.terminals.search import Search
from tests.back_office import post
from tests.browser import PHONE, sideways_scroll, violations
from tests.integration.terminals.cast import in_every_state
from tests.integration.terminals.test_terminals_fleet_api import balise, client
from tests.integration.terminals.test_terminals_fleet_list import crowd, token_of
from tests.integration.terminals.test_terminals_pages import questions, rows, text_of


def keep(client, name, query, shared=""):
    return post(client, "/flotte/vues", form_at="/flotte?vue=toutes", nom=name, requete=query, partagee=shared)


def kept(fleet):
    with reading(fleet.office.context.engine) as session:
        return {row.name: row for row in session.exec(select(FleetView)) if row.gone_at is None}


def acts(fleet):
    with reading(fleet.office.context.engine) as session:
        lines = session.exec(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [(line.act, line.who) for line in lines if line.act.startswith("terminal.view")]


def shown(answer):
    return re.findall(
        r'class="bl-filter bl-view"[^>]*href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?\s*([^<]+)', answer.text, re.S
    )


def test_a_search_is_kept_under_a_name_for_oneself_or_for_the_team(fleet):
    in_every_state(fleet)
    mine, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    made = keep(mine, "  Mes  campus ", "genre=campus-connecte&tri=-nom&page=2")
    assert (made.status_code, made.headers["location"]) == (303, "/flotte?genre=campus-connecte&tri=-nom")
    keep(mine, "Muettes", "etat=hors-ligne", shared="oui")
    assert [name.strip() for _, name in shown(mine.get("/flotte"))] == ["Mes campus", "Muettes"]
    assert [name.strip() for _, name in shown(anne.get("/flotte"))] == ["Muettes"]
    (address, _), *_ = shown(mine.get("/flotte"))
    assert rows(mine.get(address.replace("&amp;", "&"))) == ["Sablé-sur-Sarthe", "Cholet"]
    assert acts(fleet) == [("terminal.view_shared", "Yanis Belkacem")], "what is one's own is nobody else's matter"


@pytest.mark.parametrize(("name", "query", "said"), [
    ("", "etat=fermee", "Un nom de vue a de 1 à 60 caractères"),
    ("x" * 61, "etat=fermee", "Un nom de vue a de 1 à 60 caractères"),
    ("toutes", "", "Filtrez ou triez d’abord"),
    ("fausse", "etat=nimporte", "« etat=nimporte » n’existe pas"),
    ("MUETTES", "etat=fermee", "Une vue s’appelle déjà « MUETTES »"),
])  # fmt: skip
def test_what_can_not_be_kept_is_said_with_what_was_typed(fleet, name, query, said):
    fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    keep(client, "muettes", "etat=hors-ligne")
    answer = keep(client, name, query)
    assert (answer.status_code, said in text_of(answer)) == (422, True), text_of(answer)
    assert f'name="nom" value="{name}"' in answer.text
    assert list(kept(fleet)) == ["muettes"]


def test_one_person_keeps_fifty_and_one_more_once_one_is_gone(fleet):
    fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    with transaction(fleet.office.context.engine) as session:
        owner = session.exec(select(Account.id).where(Account.login == "yanis")).one()
        session.add_all(FleetView(owner=owner, name=f"v{number}", query=f"q=v{number}", made_at=fleet.office.clock())
                        for number in range(50))  # fmt: skip
    assert "Vous avez déjà 50 vues" in text_of(keep(client, "de trop", "etat=fermee"))
    post(client, f"/flotte/vues/{kept(fleet)['v7'].id}/supprimer", form_at="/flotte/vues")
    assert keep(client, "de trop", "etat=fermee").status_code == 303


def test_a_view_is_renamed_shared_deleted_and_had_back_and_the_log_tells_what_the_team_sees(fleet):
    fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    keep(client, "Muettes", "etat=hors-ligne")
    at = f"/flotte/vues/{kept(fleet)['Muettes'].id}"
    post(client, at, form_at="/flotte/vues", nom="Silencieuses", partagee="oui")
    post(client, at, form_at="/flotte/vues", nom="Qui se taisent", partagee="oui")
    gone = post(client, f"{at}/supprimer", form_at="/flotte/vues")
    assert kept(fleet) == {}
    assert f'action="{at}/retablir"' in client.get(gone.headers["location"]).text, "undone, rather than confirmed"
    post(client, f"{at}/retablir", form_at="/flotte/vues")
    assert list(kept(fleet)) == ["Qui se taisent"]
    post(client, at, form_at="/flotte/vues", nom="Qui se taisent")
    assert [act for act, _ in acts(fleet)] == [
        "terminal.view_shared", "terminal.view_renamed", "terminal.view_deleted", "terminal.view_restored",
        "terminal.view_unshared",
    ]  # fmt: skip


def test_what_was_deleted_long_ago_is_gone_for_good(fleet):
    fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    keep(client, "Muettes", "etat=hors-ligne")
    number = kept(fleet)["Muettes"].id
    post(client, f"/flotte/vues/{number}/accueil", form_at="/flotte/vues")
    post(client, f"/flotte/vues/{number}/supprimer", form_at="/flotte/vues")
    fleet.office.clock.pass_by(timedelta(hours=25))
    client = fleet.office.signed_in("yanis")
    keep(client, "Fermées", "etat=fermee")
    with reading(fleet.office.context.engine) as session:
        assert [row.name for row in session.exec(select(FleetView))] == ["Fermées"]
    assert client.get("/flotte").status_code == 200, "nobody lands on it any more"


def test_nobody_changes_or_reads_what_is_somebody_elses(fleet):
    fleet.enrolled("Laval")
    mine, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    keep(anne, "À Anne", "etat=fermee")
    keep(anne, "À tous", "etat=hors-ligne", shared="oui")
    private, shared = kept(fleet)["À Anne"].id, kept(fleet)["À tous"].id
    for number, status in ((private, 404), (shared, 403), (2**40, 404)):
        for act in ("", "/supprimer"):
            refused = post(mine, f"/flotte/vues/{number}{act}", form_at="/flotte/vues", nom="volée", partagee="oui")
            assert refused.status_code == status, (number, act)
    assert post(mine, f"/flotte/vues/{private}/accueil", form_at="/flotte/vues").status_code == 404
    assert set(kept(fleet)) == {"À Anne", "À tous"}
    keep(mine, "À Yanis", "etat=fermee", shared="oui")
    gone = post(anne, f"/flotte/vues/{kept(fleet)['À Yanis'].id}/supprimer", form_at="/flotte/vues")
    assert gone.status_code == 303, "who administers clears what the team shares"


def test_the_list_opens_on_ones_landing_view_and_the_whole_fleet_stays_one_click_away(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    keep(client, "Muettes", "etat=hors-ligne")
    number = kept(fleet)["Muettes"].id
    post(client, f"/flotte/vues/{number}/accueil", form_at="/flotte/vues")
    opened = client.get("/flotte")
    assert (opened.status_code, opened.headers["location"]) == (303, "/flotte?etat=hors-ligne")
    page = client.get("/flotte?etat=hors-ligne")
    whole = re.search(r'id="c-toutes" href="([^"]+)"', page.text)[1]
    assert len(rows(client.get(whole))) == 7
    post(client, "/flotte/vues/0/accueil", form_at="/flotte/vues")
    assert client.get("/flotte").status_code == 200


def test_a_shared_view_that_is_shared_no_more_is_nobodys_landing_page(fleet):
    fleet.enrolled("Laval")
    mine, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    keep(anne, "À tous", "etat=hors-ligne", shared="oui")
    at = f"/flotte/vues/{kept(fleet)['À tous'].id}"
    post(mine, f"{at}/accueil", form_at="/flotte/vues")
    assert mine.get("/flotte").status_code == 303
    post(anne, at, form_at="/flotte/vues", nom="À tous")
    assert mine.get("/flotte").status_code == 200


def test_programs_and_the_command_line_find_by_the_name_of_a_view(fleet):
    in_every_state(fleet)
    mine, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    keep(mine, "Campus", "genre=campus-connecte&tri=-nom")
    keep(anne, "À Anne", "etat=fermee")
    keep(anne, "Mairies", "genre=mairie", shared="oui")
    api = client(fleet, "terminals:read")
    assert [(one["name"], one["mine"], one["asked"]) for one in api.get("/fleet-views").json()] == [
        ("Campus", True, {"kind": "campus_connecte"}), ("Mairies", False, {"kind": "mairie"}),
    ]  # fmt: skip
    found = api.get("/terminals", params={"view": "campus"}).json()["terminals"]
    assert [one["name"] for one in found] == ["Sablé-sur-Sarthe", "Cholet"]
    narrowed = api.get("/terminals", params={"view": "campus", "state": "online"}).json()["terminals"]
    assert [one["name"] for one in narrowed] == ["Sablé-sur-Sarthe"]
    unknown = api.get("/terminals", params={"view": "À Anne"})
    assert (unknown.status_code, "Aucune vue ne s’appelle" in unknown.json()["message"]) == (404, True)
    code, said = balise(fleet, "list", "--view", "Campus", token=token_of(api))
    assert (code, re.findall(r"^b-\S+ +(\S+)", said, re.M)) == (0, ["Sablé-sur-Sarthe", "Cholet"])
    here = Local(fleet.office.context)
    assert [one.name for one in here.find(Search(), 1, view="mairies").terminals] == ["Saint-Nazaire"]
    with pytest.raises(Refused, match="Aucune vue ne s’appelle « Campus »"):  # nobody is signed in: the team's only
        here.find(Search(), 1, view="Campus")
    code, said = balise(fleet, "views", token=token_of(api))
    assert (code, "Campus" in said, "Mairies" in said) == (0, True, True)


def test_views_cost_the_list_two_questions_whatever_their_number(fleet):
    fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    few = questions(fleet, client, "/flotte?vue=toutes")
    for number in range(6):
        keep(client, f"v{number}", f"q=v{number}")
    crowd(fleet, 5)
    assert questions(fleet, client, "/flotte?vue=toutes") == few


def test_what_is_typed_is_kept_as_a_view_by_keyboard_and_its_pages_are_accessible(fleet, yanis):
    in_every_state(fleet)
    yanis.goto(fleet.office.url + "/flotte")
    yanis.keyboard.press("/")
    yanis.keyboard.type("saint")
    yanis.wait_for_url("**/flotte?q=saint")
    yanis.locator("summary").filter(has_text="Enregistrer cette vue").click()
    yanis.locator("#f-vue").fill("Les saints")
    yanis.keyboard.press("Enter")
    yanis.locator(".bl-view[aria-current]").filter(has_text="Les saints").wait_for()
    assert kept(fleet)["Les saints"].query == "q=saint"
    yanis.set_viewport_size(PHONE)
    assert (violations(yanis), sideways_scroll(yanis)) == ([], 0)
    yanis.goto(fleet.office.url + "/flotte/vues")
    yanis.locator("summary").click()
    assert (violations(yanis), sideways_scroll(yanis)) == ([], 0)
