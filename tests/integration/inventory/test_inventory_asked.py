"""Which terminals are made of what: pages, programs and the command line say the same, in as many questions always."""

import csv
import html
import io
import re

import pytest
from sqlmodel import Session, select
from typer.testing import CliRunner

from fleet_server.access.models import AuditEntry
from fleet_server.db import transaction
from fleet_server.inventory.asking import Question, counts, found, versions
from fleet_server.inventory.cli import app as inventory_app
from fleet_server.inventory.keep import keep
from fleet_server.inventory.pages import PAGE_SIZE
from fleet_server.terminals.cli import app as terminal_app
from fleet_server.terminals.models import Terminal
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.inventory.cast import LAVAL, sends, with_hardware
from tests.integration.terminals.test_terminals_fleet_api import client
from tests.integration.terminals.test_terminals_pages import questions
from wire.inventory import Board

DELL = with_hardware(board=Board(maker="Dell Inc.", model="Dell Wyse 5070"), memory_bytes=7_900_000_000)
PATCHED = DELL.model_copy(update={"packages": LAVAL.packages | {"openssl": "3.0.15"}})
NUC = "Intel Corporation NUC10i3FNH"


@pytest.fixture
def three(fleet):
    """Laval as it was, Cholet on another machine and patched, Segré silent."""
    for name in ("Laval", "Cholet", "Segré"):
        fleet.enrolled(name)
    sends(fleet["Laval"])
    sends(fleet["Cholet"], DELL)
    sends(fleet["Cholet"], PATCHED)
    return fleet


def words(answer):
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.parametrize(("asked", "names"), [
    ({"package": "openssl"}, ["Cholet", "Laval"]),
    ({"package": "openssl", "version": "3.0.15"}, ["Cholet"]),
    ({"package": "openssl", "version": "3.0.*"}, ["Cholet", "Laval"]),
    ({"package": "openssl", "version": "3.0.1"}, []),
    ({"package": " OpenSSL ", "version": "3.0.15 "}, ["Cholet"]),
    ({"package": "opens"}, []),
    ({"package": "pydantic"}, ["Cholet", "Laval"]),
    ({"model": NUC}, ["Laval"]),
    ({"model": NUC, "package": "openssl", "version": "3.0.15"}, []),
    ({"system": "Debian GNU/Linux 12.11", "kernel": "6.1.0-35-amd64", "agent": "0.1.0"}, ["Cholet", "Laval"]),
    ({"size": 1, "page": 2}, ["Laval"]),
])  # fmt: skip
def test_terminals_are_found_by_what_they_are_made_of(three, asked, names):
    found = client(three, "terminals:read").get("/inventory", params=asked).json()
    assert [one["name"] for one in found["terminals"]] == names
    assert found["total"] == (2 if "size" in asked else len(names))


def test_programs_read_one_terminal_its_history_and_the_counts(three):
    api, cholet = client(three, "terminals:read"), three["Cholet"].id
    assert api.get(f"/terminals/{cholet}/inventory").json()["inventory"]["packages"]["openssl"] == "3.0.15"
    told = api.get(f"/terminals/{cholet}/inventory/changes", params={"size": 1}).json()
    assert [(one["part"], one["lines"]) for one in told] == [("package", [["openssl", "3.0.14", "3.0.15"]])]
    assert api.get(f"/terminals/{cholet}/inventory/changes", params={"before": told[0]["id"]}).json() == []
    assert api.get("/inventory/counts").json()["model"] == {NUC: 1, "Dell Wyse 5070": 1}
    versions = api.get("/inventory/packages", params={"text": "SSL"}).json()
    assert [(one["version"], one["terminals"]) for one in versions] == [("3.0.14", 1), ("3.0.15", 1)]
    assert api.get(f"/terminals/{three['Segré'].id}/inventory").status_code == 404


def test_a_token_for_something_else_reads_no_inventory(three):
    assert client(three, "rollouts:read").get("/inventory").status_code == 403


def test_a_package_of_debian_and_of_python_at_once_is_found_once(three):
    sends(three["Segré"], LAVAL.model_copy(update={"python_packages": {"openssl": "24.1"}}))
    with Session(three.office.context.engine) as session:
        (row,) = [one for one in found(session, Question(package="openssl")) if one.terminal == three["Segré"].id]
        assert set(row.version.split(", ")) == {"3.0.14", "24.1"}
        assert sum(counts(session, Question(package="openssl"))["model"].values()) == 3


def test_a_retired_terminal_is_not_counted(three):
    api = client(three, "terminals:write")
    assert api.post(f"/terminals/{three['Laval'].id}/retire", json={"confirmed": "Laval"}).status_code == 204
    with Session(three.office.context.engine) as session:
        assert counts(session)["model"] == {"Dell Wyse 5070": 1}
        assert [(one.version, one.terminals) for one in versions(session, "openssl")] == [("3.0.15", 1)]


def test_the_pages_show_what_a_machine_is_made_of_and_what_changed(three):
    yanis, cholet = three.office.signed_in("yanis"), three["Cholet"].id
    said = words(yanis.get(f"/bornes/{cholet}/materiel"))
    assert "Dell Wyse 5070" in said
    assert re.search(r"Paquet changé.*openssl 3.0.14.*3.0.15", said)
    assert re.search(r"Matériel et logiciel", words(yanis.get(f"/bornes/{cholet}")))
    assert re.search(r"openssl 3.0.15 Debian", words(yanis.get(f"/bornes/{cholet}/paquets?q=ssl")))
    assert "n’a pas encore dit" in words(yanis.get(f"/bornes/{three['Segré'].id}/materiel"))
    assert yanis.get(f"/bornes/{three['Segré'].id}/paquets").status_code == 404
    assert yanis.get("/bornes/nulle-part/materiel").status_code == 404
    assert three.office.signed_in("maelle").get(f"/bornes/{cholet}/materiel").status_code == 403


def test_a_report_that_names_a_newer_document_is_told_from_what_is_known(three):
    laval = three["Laval"]
    laval.reports(inventory="f" * 64)
    page = three.office.signed_in("yanis").get(f"/bornes/{laval.id}/materiel")
    assert "une version plus récente, qui arrive" in words(page)


def test_the_export_holds_the_rows_filtered_and_is_in_the_audit_log(three):
    yanis = three.office.signed_in("yanis")
    answer = yanis.get("/inventaire.csv?paquet=openssl&version=3.0.15")
    title, head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert title == ["Inventaire des bornes : Paquet = openssl, Version = 3.0.15"]
    assert [row[head.index("nom")] for row in rows] == ["Cholet"]
    with Session(three.office.context.engine) as session:
        line = session.exec(select(AuditEntry).where(AuditEntry.act == "terminal.inventory_exported")).one()
    assert line.detail == {"package": "openssl", "version": "3.0.15"}


@pytest.mark.parametrize(
    "path",
    ["/inventaire", "/inventaire?paquet=openssl", "/inventaire?paquet=rien", "/inventaire?page=2&noyau=6.1.0-35-amd64"],
)
def test_a_page_asks_the_same_number_of_questions_whatever_the_size_of_the_fleet(three, path):
    yanis = three.office.signed_in("yanis")
    few = questions(three, yanis, path)
    for number in range(6):
        sends(three.enrolled(f"Borne {number}"), DELL)
    assert questions(three, yanis, path) == few


def test_a_long_list_has_pages_that_follow_each_other_without_a_gap_or_a_repeat(three):
    more, now = [f"Borne {number:02}" for number in range(PAGE_SIZE - 1)], three.office.clock()
    with transaction(three.office.context.engine) as session:
        session.add_all(Terminal(id=name, name=name, status="accepted", created_at=now) for name in more)
        session.flush()
        for name in more:
            keep(session, name, "f" * 64, DELL, now)
    yanis, names, address = three.office.signed_in("yanis"), [], "/inventaire?systeme=Debian+GNU%2FLinux+12.11"
    while address:
        page = yanis.get(address).text
        names += re.findall(r'class="bl-row" href="/bornes/[^"]+">([^<]+)<', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = html.unescape(following[1]) if following else ""
    assert names == [*more, "Cholet", "Laval"]
    last = yanis.get("/inventaire?page=99999")
    assert "51 bornes, 51 à 51 Précédentes" in words(last)
    assert "Exporter 51 bornes" in words(last), "the export holds them all"
    assert len(yanis.get("/inventaire.csv").text.splitlines()) == 2 + 51
    filters = re.findall(r'<td[^>]*><a href="([^"]+)"', last.text)
    assert filters
    assert not [address for address in filters if "page=" in address], "a filter begins at its first page"


def test_a_value_is_counted_beside_the_one_that_is_chosen(three):
    """So that another one may be chosen instead; the other facets count what is shown."""
    with Session(three.office.context.engine) as session:
        chosen = counts(session, Question(model=NUC))
        assert chosen["model"] == {NUC: 1, "Dell Wyse 5070": 1}
        assert chosen["kernel"] == {"6.1.0-35-amd64": 1}
        assert counts(session, Question(model=NUC, kernel="6.2"))["model"] == {}


@pytest.mark.parametrize("path", ["/inventaire?paquet=%00", "/inventaire?modele=a%00b", "/bornes/{}/paquets?q=%00"])
def test_what_no_text_holds_is_not_asked_of_a_database(three, path):
    answer = three.office.signed_in("yanis").get(path.format(three["Laval"].id))
    assert answer.status_code == 422


def typed(app, *words):
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.output


def test_the_command_line_says_the_same_from_elsewhere(three, monkeypatch):
    token = client(three, "terminals:read").headers["authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("BALISE_URL", three.office.url)
    monkeypatch.setenv("BALISE_TOKEN", token)
    cholet = three["Cholet"].id
    code, said = typed(terminal_app, "inventory", cholet)
    assert (code, "Dell Wyse 5070" in said, "openssl" in said) == (0, True, False), said
    assert "openssl 3.0.15" in typed(terminal_app, "inventory", cholet, "--packages")[1]
    assert "openssl 3.0.14 → 3.0.15" in typed(terminal_app, "inventory", cholet, "--changes")[1]
    assert typed(terminal_app, "inventory", "nulle-part") == (1, "Aucune borne n’a cet identifiant.\n")
    code, said = typed(inventory_app, "find", "--package", "openssl", "--version", "3.0.15")
    assert (code, "Cholet" in said, "Laval" in said) == (0, True, False)
    assert "1  Dell Wyse 5070" in typed(inventory_app, "counts")[1]
    assert typed(inventory_app, "find", "--csv")[1].splitlines()[0] == "Inventaire des bornes : toutes"


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_breaks_a_rule_of_axe_or_scrolls_sideways(three, browser, size):
    context = browser.new_context(viewport=size, base_url=three.office.url)
    token = three.office.signed_in("yanis").cookies["balise_session"]
    context.add_cookies([{"name": "balise_session", "value": token, "url": three.office.url}])
    page = context.new_page()
    cholet = three["Cholet"].id
    for path in (f"/bornes/{cholet}/materiel", f"/bornes/{cholet}/paquets", "/inventaire?paquet=openssl",
                 f"/bornes/{three['Segré'].id}/materiel"):  # fmt: skip
        page.goto(path)
        assert (path, violations(page), sideways_scroll(page)) == (path, [], 0)
    close(context)
