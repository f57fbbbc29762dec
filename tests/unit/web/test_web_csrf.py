"""Tokens of forms: bound to a session's secret, different on each page."""

from starlette.requests import Request

from fleet_server.web.csrf import csrf_token, is_csrf_token, is_foreign


def asked(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw})


def test_a_token_differs_on_each_page_and_fits_its_session_only():
    one, two = csrf_token("secret of Anne"), csrf_token("secret of Anne")
    assert one != two
    assert is_csrf_token("secret of Anne", one)
    assert is_csrf_token("secret of Anne", two)
    assert not is_csrf_token("secret of Yanis", one)


def test_what_is_no_token_is_refused():
    for token in ("", ".", "abc", "abc.def", csrf_token("s")[:-1], "é.é"):
        assert not is_csrf_token("s", token)


def test_a_form_of_another_site_is_recognised():
    assert is_foreign(asked(sec_fetch_site="cross-site"))
    assert is_foreign(asked(sec_fetch_site="same-site"))
    assert is_foreign(asked(origin="https://ailleurs.example", host="balise.example"))
    assert not is_foreign(asked(sec_fetch_site="same-origin"))
    assert not is_foreign(asked(origin="https://balise.example", host="balise.example"))
    assert not is_foreign(asked(host="balise.example"))
