"""What a request names by its id, counsellors read as the kiosk said it."""

import json
from types import SimpleNamespace

import pytest
from sqlmodel import SQLModel

from fleet_server.db import connect, reading, transaction
from fleet_server.releases.models import ContentRelease
from fleet_server.requests.names import Names, names_of
from tests.back_office import Clock
from wire.request import ContactForm


def form(**fields):
    return ContactForm(name="Sylvie", channel="phone", phone="0600000012", **fields)


KNOWN = Names({"changer": "Changer de métier"}, {"apec": "Apec"}, {"J1501": "Aide-soignant / Aide-soignante"})


@pytest.mark.parametrize(
    ("names", "said", "expected"),
    [
        (KNOWN.subject, form(topic="changer"), "Changer de métier"),
        (KNOWN.subject, form(topic="reprendre-des-etudes"), "Reprendre des etudes"),
        (KNOWN.subject, form(), "Ne sait pas encore"),
        (KNOWN.actor, form(actor="apec"), "Apec"),
        (KNOWN.actor, form(actor="cap-emploi"), "Cap emploi"),
        (KNOWN.origin, form(origin="metiers/j1501"), "Métiers · Aide-soignant / Aide-soignante"),
        (KNOWN.origin, form(origin="acteurs/apec"), "Qui peut m’aider · Apec"),
        (KNOWN.origin, form(origin="metiers"), "Métiers"),
    ],
)
def test_ids_read_as_the_content_calls_them_or_as_themselves(names, said, expected):
    assert names(said) == expected


def test_before_anything_is_published_ids_read_as_themselves(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    SQLModel.metadata.create_all(engine, tables=[ContentRelease.__table__])
    ctx = SimpleNamespace(settings=SimpleNamespace(data_dir=tmp_path))
    with reading(engine) as session:
        assert names_of(session, ctx) == Names()
    with transaction(engine) as session:
        session.add(
            ContentRelease(
                id="a" * 64, label="2026.48", pack="p", built_at=Clock()(), published_at=Clock()(), files=1, size=1
            )
        )
    with reading(engine) as session:
        assert names_of(session, ctx) == Names()
    engine.dispose()


def test_names_come_from_the_newest_release(tmp_path):
    from fleet_server.requests.names import _read

    files = {
        "form": {"topics": [{"id": "changer", "title": {"fr": "Changer de métier"}}]},
        "actors": [{"id": "apec", "name": "Apec"}],
        "occupations": [["J1501", "Aide-soignant / Aide-soignante", ["86"]]],
    }
    for name, said in files.items():
        (tmp_path / name).write_text(json.dumps(said))
    assert _read(*(tmp_path / name for name in files)) == KNOWN
