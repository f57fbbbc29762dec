"""What ends when, as metrics, on the fleet's page, and of a terminal that has not renewed."""

from datetime import timedelta

import pytest

from fleet_server.certificates.expiry import expiry_metrics
from fleet_server.certificates.models import Certificate
from fleet_server.db import transaction
from fleet_server.terminals.enrolment import put_out
from tests.integration.terminals.cast import Fleet
from tests.integration.terminals.conftest import fleet  # noqa: F401  # a fixture


def series(fleet: Fleet):  # noqa: F811
    ctx = fleet.office.context
    (gauge,) = expiry_metrics(ctx.engine, ctx.settings, ctx.keys)()
    return {(sample.labels["kind"], sample.labels["terminal"]): sample.value for sample in gauge.samples}


def test_each_certificate_in_force_is_one_series_and_a_revoked_one_none(fleet):  # noqa: F811
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    ctx = fleet.office.context
    until = (fleet.office.clock() + timedelta(days=90)).timestamp()
    assert series(fleet) == {
        ("ca", ""): ctx.keys.authority.certificate.not_valid_after_utc.timestamp(),
        ("terminal", laval.id): until, ("terminal", cholet.id): until,
    }  # fmt: skip
    with transaction(ctx.engine) as session:
        put_out(session, ctx, fleet.terminal("Laval"), "stolen", None)
    assert ("terminal", laval.id) not in series(fleet)


@pytest.mark.parametrize(("days", "said"), [(61, False), (59, True)])
def test_the_fleet_s_page_warns_two_months_before_the_broker_s_certificate_ends(fleet, days, said):  # noqa: F811
    now = fleet.office.clock()
    with transaction(fleet.office.context.engine) as session:
        session.add(Certificate(serial="1", kind="broker", name="broker", issued_at=now,
                                ends_at=now + timedelta(days=days)))  # fmt: skip
    page = fleet.office.signed_in("yanis").get("/flotte").text
    assert ("Le certificat du courtier prend fin le" in page) is said


@pytest.mark.parametrize(("days", "said"), [(22, False), (20, True)])
def test_a_terminal_that_has_not_renewed_is_told_of_while_there_is_time(fleet, days, said):  # noqa: F811
    laval = fleet.enrolled("Laval")
    laval.connects()
    laval.reports(certificate_until=fleet.office.clock() + timedelta(days=days))
    page = fleet.office.signed_in("yanis").get(f"/bornes/{laval.id}").text
    assert ("ne s’est pas renouvelé" in page) is said
