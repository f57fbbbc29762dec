"""The back-office as plain HTTP: what a browser without JavaScript, or with bad intentions, gets."""

import csv
import gzip
import io
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from fleet_server.access.accounts import create_account_with_password
from fleet_server.access.models import Account, AuditEntry, WebSession
from fleet_server.db import transaction
from tests.back_office import post, token_in

COOKIE = "balise_session"


def acts(office):
    with Session(office.context.engine) as session:
        return [entry.act for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]


def person(office, login, roles=("operator",), name="Zoé Martin"):
    with transaction(office.context.engine) as session:
        office.passwords[login] = create_account_with_password(session, login, name, list(roles), office.clock())
    return login


@pytest.mark.parametrize(("login", "lands"), [("yanis", "/flotte"), ("maelle", "/demandes"), ("anne", "/comptes")])
def test_each_role_lands_where_its_work_is(office, login, lands):
    with office.client() as client:
        answer = post(client, "/connexion", login=login, password=office.passwords[login])
        assert (answer.status_code, answer.headers["location"]) == (303, lands)
        assert client.get("/").headers["location"] == lands


def test_signing_in_comes_back_to_the_page_that_was_asked(office):
    with office.client() as client:
        sent = client.get("/frequentation?periode=7")
        assert sent.headers["location"] == "/connexion?vers=/frequentation%3Fperiode%3D7"
        form = client.get(sent.headers["location"]).text
        back = form.split('name="vers" value="')[1].split('"')[0]
        answer = post(client, "/connexion", login="yanis", password=office.passwords["yanis"], vers=back)
        assert answer.headers["location"] == "/frequentation?periode=7"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://ailleurs.example", "//ailleurs.example", "/\\ailleurs.example", "/\t/x", "javascript:alert(1)"],
)
def test_signing_in_never_leads_to_another_site(office, elsewhere):
    with office.client() as client:
        answer = post(client, "/connexion", login="yanis", password=office.passwords["yanis"], vers=elsewhere)
        assert answer.headers["location"] == "/flotte"


def test_the_session_cookie_is_hidden_from_scripts_and_from_other_sites(office):
    with office.client() as client:
        answer = post(client, "/connexion", login="yanis", password=office.passwords["yanis"])
        cookie = next(value for name, value in answer.headers.multi_items() if name == "set-cookie" and COOKIE in value)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_a_cookie_brought_along_is_never_adopted(office):
    with office.client() as client:
        client.cookies.set(COOKIE, "chosen-by-the-attacker")
        post(client, "/connexion", login="yanis", password=office.passwords["yanis"])
        assert client.cookies.get(COOKIE, domain="127.0.0.1") != "chosen-by-the-attacker"
    with office.client() as attacker:
        attacker.cookies.set(COOKIE, "chosen-by-the-attacker")
        assert attacker.get("/frequentation").headers["location"].startswith("/connexion")


def test_wrong_passwords_are_counted_down_then_wait_as_long_as_is_said(office):
    login = person(office, "zoe")
    with office.client() as client:
        said = [post(client, "/connexion", login=login, password="faux").text for _ in range(5)]
        assert "Encore 4\u00a0essais" in said[0] or "Encore 4 essais" in said[0]
        assert "attend 15" in said[4]
        office.clock.pass_by(timedelta(minutes=10))
        blocked = post(client, "/connexion", login=login, password=office.passwords[login])
        assert blocked.status_code == 429
        assert "attend 5" in blocked.text
        office.clock.pass_by(timedelta(minutes=5, seconds=1))
        assert post(client, "/connexion", login=login, password=office.passwords[login]).status_code == 303
    assert "account.sign_in_refused" in acts(office)


def test_an_unknown_login_reads_like_a_wrong_password(office):
    with office.client() as client:
        unknown = post(client, "/connexion", login="personne.ici", password="faux").text
        known = post(client, "/connexion", login="maelle", password="faux").text
    assert unknown.split('role="alert"')[1][:300] == known.split('role="alert"')[1][:300]


def test_signing_out_ends_the_session_for_the_cookie_too(office):
    client = office.signed_in("yanis")
    stolen = client.cookies[COOKIE]
    assert post(client, "/deconnexion", form_at="/frequentation").headers["location"] == "/connexion"
    with office.client() as thief:
        thief.cookies.set(COOKIE, stolen)
        assert thief.get("/frequentation").status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "/comptes",
        "/comptes/1",
        "/comptes/1/invitation",
        "/comptes/1/fermer",
        "/comptes/1/rouvrir",
        "/deconnexion",
        "/mot-de-passe",
        "/apparence",
    ],
)
def test_a_form_without_the_token_of_its_page_changes_nothing(office, path):
    anne, yanis = office.signed_in("anne"), office.signed_in("yanis")
    before = len(acts(office))
    foreign = token_in(yanis, "/frequentation")
    for data in ({}, {"csrf": "x"}, {"csrf": foreign}):
        answer = anne.post(path, data={"login": "eve", "name": "Ève", "roles": "admin", "apparence": "sombre"} | data)
        assert answer.status_code == 403, (path, data)
    own = token_in(anne, "/comptes")
    for origin in ({"origin": "https://ailleurs.example"}, {"sec-fetch-site": "cross-site"}):
        if path != "/apparence":
            assert anne.post(path, data={"csrf": own}, headers=origin).status_code == 403
    assert len(acts(office)) == before


def test_signing_in_from_another_sites_form_is_refused(office):
    with office.client() as client:
        sent = {"login": "yanis", "password": office.passwords["yanis"]}
        assert client.post("/connexion", data=sent).status_code == 403
        token = token_in(client, "/connexion")
        with office.client() as other:
            assert other.post("/connexion", data={"csrf": token} | sent).status_code == 403


def test_a_wrong_role_is_told_who_can_help(office):
    answer = office.signed_in("maelle").get("/comptes")
    assert answer.status_code == 403
    assert "Anne Delorme" in answer.text
    assert "Administration" in answer.text


def test_the_rail_shows_only_what_a_role_may_open(office):
    page = office.signed_in("maelle").get("/frequentation").text
    rail = page.split('aria-label="Navigation principale"')[1].split("</nav>")[0]
    assert "/demandes" in rail
    assert "/comptes" not in rail
    assert "/flotte" not in rail


def test_a_person_is_invited_by_a_link_shown_once_and_chooses_a_password(office):
    anne = office.signed_in("anne")
    made = post(anne, "/comptes", name="Tristan Poirier", login="tristan", roles=["operator", "counsellor"])
    assert made.status_code == 201
    link = made.text.split("/invitation/")[1].split("<")[0].split('"')[0]
    assert link not in anne.get("/comptes").text
    with office.client() as client:
        weak = post(client, f"/invitation/{link}", password="court", again="court")
        assert weak.status_code == 422
        assert "trop court" in weak.text
        differing = post(client, f"/invitation/{link}", password="cheval pile agrafe", again="autre")
        assert "diffèrent" in differing.text
        entered = post(client, f"/invitation/{link}", password="cheval pile agrafe", again="cheval pile agrafe")
        assert (entered.status_code, entered.headers["location"]) == (303, "/demandes")
        assert client.get("/frequentation").status_code == 200
    with office.client() as client:
        assert client.get(f"/invitation/{link}").status_code == 404


def test_closing_an_account_signs_it_out_at_once_and_can_be_undone(office):
    login = person(office, "paul", name="Paul Cadiou")
    paul, anne = office.signed_in(login), office.signed_in("anne")
    with Session(office.context.engine) as session:
        account = session.exec(select(Account).where(Account.login == login)).one()
    closed = post(anne, f"/comptes/{account.id}/fermer", form_at="/comptes")
    assert closed.status_code == 303
    assert paul.get("/frequentation").status_code == 303
    listed = anne.get("/comptes").text
    assert "Compte de Paul Cadiou fermé" in listed
    assert f'action="/comptes/{account.id}/rouvrir"' in listed
    assert "Compte de Paul Cadiou fermé" not in anne.get("/comptes").text
    post(anne, f"/comptes/{account.id}/rouvrir", form_at="/comptes")
    assert office.signed_in(login).get("/frequentation").status_code == 200


def test_changing_ones_password_keeps_this_browser_and_drops_the_others(office):
    login = person(office, "lea")
    here, there = office.signed_in(login), office.signed_in(login)
    wrong = post(here, "/mot-de-passe", current="faux", password="cheval pile agrafe", again="cheval pile agrafe")
    assert wrong.status_code == 422
    done = post(
        here,
        "/mot-de-passe",
        current=office.passwords[login],
        password="cheval pile agrafe",
        again="cheval pile agrafe",
    )
    assert done.status_code == 303
    assert here.get("/frequentation").status_code == 200
    assert there.get("/frequentation").status_code == 303


def test_a_name_that_is_a_script_is_only_ever_text(office):
    name = '<script>alert("1")</script>" onload="x'
    login = person(office, "bobby", name=name)
    client = office.signed_in(login)
    post(office.signed_in("anne"), "/deconnexion", form_at="/frequentation")
    for page in (
        client.get("/frequentation"),
        office.signed_in("anne").get("/comptes"),
        office.signed_in("anne").get(f"/journal?sujet={login}"),
    ):
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text


def test_no_page_lets_a_foreign_or_inline_script_run(office):
    policy = office.signed_in("yanis").get("/frequentation").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    with office.client() as client:
        assert client.get("/nulle-part").headers["x-content-type-options"] == "nosniff"


def test_pages_are_kept_by_no_cache_and_assets_for_ever(office):
    client = office.signed_in("yanis")
    page = client.get("/frequentation")
    assert page.headers["cache-control"] == "no-store"
    address = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    asset = client.get(address)
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    other = address.replace(address.split("/")[2], "0123456789abcdef")
    assert client.get(other).headers["cache-control"] == "no-cache"
    assert client.get(f"{address.rsplit('/', 2)[0]}/../../errors.py").status_code == 404


def test_a_whole_page_with_what_it_loads_is_under_150_kb(office):
    client = office.signed_in("yanis")
    page = client.get("/comptes/1")
    page = client.get("/frequentation")
    loaded = [part.split('"')[0] for part in page.text.replace('src="', 'href="').split('href="')[1:]]
    scripts = {
        address
        for address in loaded
        if address.startswith("/static/") and address.endswith((".js", ".css")) and "echarts" not in address
    }
    assert len(scripts) >= 5
    weight = sum(len(gzip.compress(client.get(address).content)) for address in scripts) + len(
        gzip.compress(page.content)
    )
    assert weight <= 150_000


def test_a_page_that_does_not_exist_keeps_the_rail_and_says_so(office):
    answer = office.signed_in("yanis").get("/nulle-part")
    assert answer.status_code == 404
    assert "Rien ne se trouve à cette adresse" in answer.text
    assert "/flotte" in answer.text
    with office.client() as client:
        assert client.get("/api/v1/nulle-part").json() == {
            "error": "not_found",
            "message": "Rien ne se trouve à cette adresse.",
        }


def test_an_error_of_ours_shows_a_reference_and_never_its_cause(office):
    def broken():
        raise RuntimeError("the password is hunter2")

    office.app.router.add_route("/casse", lambda request: broken())
    answer = office.signed_in("yanis").get("/casse")
    assert answer.status_code == 500
    assert "Référence" in answer.text
    assert "hunter2" not in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("number", ["²", "0", "-1", "9" * 5000, "deux"])
def test_a_page_number_that_is_none_is_the_first_or_an_empty_page(office, number):
    assert office.signed_in("anne").get("/journal", params={"page": number}).status_code == 200


@pytest.mark.parametrize("path", ["/frequentation", "/comptes", "/journal", "/a-propos", "/mot-de-passe", "/comptes/1"])
def test_a_page_asks_the_database_a_constant_number_of_questions(office, path):
    anne = office.signed_in("anne")
    asked = []
    engine = office.context.engine

    def note(connection, cursor, statement, *rest):
        asked.append(statement)

    def questions():
        asked.clear()
        assert anne.get(path).status_code == 200
        return len([statement for statement in asked if statement.lstrip().startswith("SELECT")])

    event.listen(engine, "before_cursor_execute", note)
    few = questions()
    for n in range(6):
        person(office, f"foule-{path.strip('/').replace('/', '-')}-{n}")
    assert questions() == few <= 6
    event.remove(engine, "before_cursor_execute", note)


def rows_of(answer):
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


def test_the_csv_holds_exactly_the_rows_filtered_and_says_which(office):
    client = office.signed_in("yanis")
    everything = rows_of(client.get("/frequentation.csv?periode=30"))
    real = rows_of(client.get("/frequentation.csv?periode=30&simulees=non"))
    laval = rows_of(client.get("/frequentation.csv?periode=7&borne=laval-01"))
    assert {row[1] for row in everything[2:]} == {"laval-01", "cholet-01", "segre-01"}
    assert {row[1] for row in real[2:]} == {"laval-01"}
    assert {row[1] for row in laval[2:]} == {"laval-01"}
    assert len(laval) == 2 + 7
    assert "Laval" in laval[0][0]
    assert "visites simulées comprises" in everything[0][0]
    assert acts(office)[-3:] == ["usage.exported"] * 3


def test_the_csv_runs_no_formula(office):
    before = office.app.state.terminal_names
    office.app.state.terminal_names = lambda session: {"laval-01": "=HYPERLINK(1)"}
    rows = rows_of(office.signed_in("yanis").get("/frequentation.csv?borne=laval-01"))
    office.app.state.terminal_names = before
    assert rows[2][2] == "'=HYPERLINK(1)"
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell]


def test_the_numbers_of_the_page_are_those_of_the_csv(office):
    client = office.signed_in("yanis")
    rows = rows_of(client.get("/frequentation.csv?periode=30"))[2:]
    visits = sum(int(row[3]) for row in rows)
    assert f"{visits} visites" in client.get("/frequentation?periode=30").text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    "query",
    [
        "periode=hier",
        "du=demain&au=2026-99-99",
        "du=2026-11-24&au=2026-11-01",
        "borne=inconnue",
        "du=0001-01-01&au=9999-12-31",
    ],
)
def test_filters_that_make_no_sense_still_give_a_page(office, query):
    assert office.signed_in("yanis").get(f"/frequentation?{query}").status_code == 200


def test_simulated_visits_are_named_as_such_and_can_be_left_out(office):
    client = office.signed_in("yanis")
    assert "Visites simulées comprises" in client.get("/frequentation").text.replace("\u00a0", " ")
    assert "Visites simulées comprises" not in client.get("/frequentation?simulees=non").text


def test_a_choice_of_appearance_is_kept_by_the_browser(office):
    client = office.signed_in("yanis")
    assert "data-bs-theme" not in client.get("/a-propos").text.split("<head>")[0]
    answer = post(client, "/apparence", form_at="/a-propos", apparence="sombre", vers="/a-propos")
    assert answer.headers["location"] == "/a-propos"
    assert 'data-bs-theme="dark"' in client.get("/a-propos").text


def test_the_live_stream_is_for_those_who_are_signed_in(office):
    with office.client() as client:
        assert client.get("/direct?sujets=flotte").status_code == 401
    yanis = office.signed_in("yanis")
    assert yanis.get("/direct?sujets=%3Cscript%3E").status_code == 422
    # When a request arrives would tell which visit left it; and what nobody declared is nobody's.
    for subject in ("demandes", "flotte,demandes", "journal"):
        assert yanis.get(f"/direct?sujets={subject}").status_code == 403
    assert office.signed_in("maelle").get("/direct?sujets=flotte").status_code == 403


def test_an_htmx_request_without_a_session_is_not_answered_with_the_sign_in_page(office):
    with office.client() as client:
        assert client.get("/frequentation", headers={"HX-Request": "true"}).status_code == 401


def test_an_aged_session_gets_a_new_cookie_on_whatever_page_comes_next(office):
    client = office.signed_in("yanis")
    before = client.cookies[COOKIE]
    office.clock.pass_by(timedelta(minutes=31))
    assert client.get("/frequentation").status_code == 200
    assert client.cookies[COOKIE] != before
    assert client.get("/frequentation").status_code == 200
    with Session(office.context.engine) as session:
        assert before not in str([row.model_dump() for row in session.exec(select(WebSession))])
