"""Seven people asked to be called back; Maëlle reads."""

import dataclasses
from types import SimpleNamespace

import pytest

import fleet_server.requests.models  # noqa: F401 - its tables
from fleet_server.db import transaction
from fleet_server.requests import pages
from tests.back_office import BackOffice, build, served
from tests.integration.requests.sealing import KEY, KID, PEOPLE, sealed_by


@pytest.fixture
def office(tmp_path):
    """The back-office with the requests' room and the key that opens them."""
    office = build(tmp_path, demo=True)
    keys = SimpleNamespace(sealing={KID: KEY}, sealing_current=KID)
    office.context = dataclasses.replace(office.context, keys=keys)
    office.app.state.context = office.context
    office.app.state.rail_counts = {"requests": pages.rail_count}
    office.app.include_router(pages.router)
    with served(office) as office:
        yield office


@pytest.fixture
def inbox(office: BackOffice):
    """The office, once everybody's request has arrived."""
    with transaction(office.context.engine) as session:
        session.add_all(sealed_by(name) for name in PEOPLE)
    return office
