"""A back-office on a real socket, and the fleet it runs."""

import pytest

from tests.back_office import build, served
from tests.integration.terminals.cast import Fleet


@pytest.fixture
def fleet(tmp_path):
    office = build(tmp_path, demo=True, whole=True)
    with served(office):
        fleet = Fleet(office)
        fleet.listen()
        yield fleet
