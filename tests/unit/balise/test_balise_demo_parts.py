"""The demonstration's parts: processes that are watched, a folder that is ours, ports, visits that nobody made."""

import base64
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agent.asking import Ask
from balise.demo.children import Child, Children
from balise.demo.folder import Account, Folder, Saved, write_private
from balise.demo.forms import sealed_form
from balise.demo.pack import nothing_to_prepare, pack_digest
from balise.demo.places import TERMINALS
from balise.demo.ports import free_near, is_free, require_free
from balise.demo.refusal import Refused
from balise.demo.visitors import SEED
from balise.simulate.visits import imagine
from fleet_server.requests.models import ContactRequest
from fleet_server.requests.open import open_request
from wire.events import usage_events
from wire.request import ContactForm

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: time.sleep(1)"
STUBBORN = [sys.executable, "-c", DEAF]


def child(tmp_path, command, name="La borne de Laval"):
    return Child(name, command, {}, tmp_path / f"{name}.log")


def until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_a_crashed_child_is_started_again(tmp_path):
    children = Children()
    laval = child(tmp_path, SLEEPER)
    children.start(laval)
    first = laval.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not laval.alive)
    assert children.restart_the_dead() == [laval]
    assert laval.alive
    assert laval.pid != first
    children.stop()


def test_a_child_that_keeps_crashing_is_named_with_its_last_words(tmp_path):
    children = Children()
    children.start(child(tmp_path, [sys.executable, "-c", "raise SystemExit('le port 8090 est pris')"]))
    for _ in range(2):
        until(lambda: not children.all[0].alive)
        children.restart_the_dead()
    until(lambda: not children.all[0].alive)
    with pytest.raises(Refused, match=r"La borne de Laval s’arrête sans cesse \(le port 8090 est pris\)"):
        children.restart_the_dead()


def test_stopping_ends_even_a_child_that_will_not_hear(tmp_path, monkeypatch):
    monkeypatch.setattr("balise.demo.children.STOP_WITHIN_S", 0.3)
    children = Children()
    for name, command in (("server", SLEEPER), ("deaf", STUBBORN)):
        one = child(tmp_path, command, name)
        children.start(one)
        until(lambda one=one: "up" in one.log.read_text())
    children.stop()
    assert [one.alive for one in children.all] == [False, False]


def test_children_die_with_a_parent_that_is_killed(tmp_path):
    code = (
        "import time; from pathlib import Path; from balise.demo.children import Child\n"
        f"child = Child('x', {SLEEPER!r}, {{}}, Path({str(tmp_path / 'log')!r}))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until(lambda: gone(pid))


def test_a_folder_belongs_to_one_demonstration_at_a_time(tmp_path):
    folder = Folder(tmp_path / "demo")
    with folder.ours(), pytest.raises(Refused, match="tourne déjà"), Folder(tmp_path / "demo").ours():
        pass
    with folder.ours():
        pass


def test_what_is_kept_comes_back_and_is_for_its_owner_alone(tmp_path):
    folder = Folder(tmp_path / "demo")
    yanis = Account("operator", "yanis", "Yanis", "secret")
    saved = Saved(8080, 8100, {"laval": 8081}, [yanis], {"laval": "b-1"}, "d 1")
    with folder.ours():
        assert folder.load() is None
        folder.save(saved)
        write_private(folder.ready, {"server": "x"})
        assert stat.S_IMODE(folder.ready.stat().st_mode) == 0o600
    assert folder.load() == saved
    assert not folder.ready.exists()
    assert stat.S_IMODE((folder.path / "demo.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_start_prepares_only_what_the_last_one_did_not_leave(tmp_path):
    folder, pack = Folder(tmp_path / "demo"), tmp_path / "pack"
    made = [folder.server / "keys" / "ca.pem", folder.server / "fleet.db", pack / "pack.yml"]
    made += [folder.terminal(terminal.key) / "identity" / "identity.json" for terminal in TERMINALS]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    terminals = {terminal.key: f"b-{terminal.key}" for terminal in TERMINALS}
    yanis = Account("operator", "yanis", "Yanis", "secret")
    saved = Saved(8080, 8100, {}, [yanis], terminals, f"{pack_digest(pack)} 2026.48")
    assert nothing_to_prepare(folder, saved, pack)
    assert not nothing_to_prepare(folder, replace(saved, accounts=[]), pack)
    assert not nothing_to_prepare(folder, replace(saved, terminals={}), pack)
    for path in (made[1], made[2], made[-1]):
        path.rename(path.with_name("away"))
        assert not nothing_to_prepare(folder, saved, pack)
        path.with_name("away").rename(path)
    (pack / "pack.yml").write_text("2")
    assert not nothing_to_prepare(folder, saved, pack)


def test_a_damaged_folder_and_one_that_can_not_be_made_are_refused_with_the_remedy(tmp_path):
    folder = Folder(tmp_path / "demo")
    with folder.ours():
        (folder.path / "demo.json").write_text("{")
        with pytest.raises(Refused, match="supprimez"):
            folder.load()
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="DEMO_DIR"), Folder(tmp_path / "file" / "demo").ours():
        pass


def test_a_busy_port_is_refused_with_another_to_try():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(Refused, match=rf"port {port} est déjà pris.*PORT={port + 100}"):
            require_free(port)
        assert free_near(port, [port + 1]) > port + 1
    assert is_free(port)


def test_ports_that_only_root_may_take_are_refused():
    with pytest.raises(Refused, match="entre 1024"):
        require_free(80)


def test_seven_places_in_the_five_departments_all_say_that_they_are_demonstrations():
    assert len(TERMINALS) == 7
    assert {terminal.place.department for terminal in TERMINALS} == {"44", "49", "53", "72", "85"}
    assert all(terminal.place.demo and "démonstration" in terminal.place.name for terminal in TERMINALS)
    assert {terminal.place.kind for terminal in TERMINALS} == {
        "mairie", "centre_commercial", "campus_connecte", "france_services",
    }  # fmt: skip


def test_imagined_visits_are_the_same_for_the_same_seed_and_fit_the_contract():
    draw = random.Random(SEED)
    visits = [imagine(draw) for _ in range(200)]
    again = random.Random(SEED)
    assert visits[0] == imagine(again)
    stamp = {"id": "0" * 8 + "-0000-7000-8000-" + "0" * 12, "at": "2026-11-24T10:00:00Z", "mono_ms": 1, "software": "x",
             "boot": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "trusted": True}  # fmt: skip
    for visit in visits:
        told = visit.told(visit.lasts_ms + 5)
        for event in told:
            known = usage_events.validate_python({name: v for name, v in event.items() if name != "ago_ms"} | stamp)
            assert known.audience == "demo"
        assert [event["n"] for event in told] == list(range(1, len(told) + 1))
        assert [event["ago_ms"] for event in told] == sorted((event["ago_ms"] for event in told), reverse=True)
        assert (told[0]["kind"], told[-1]["kind"]) == ("session.started", "session.ended")
        json.dumps(told)
    assert {True, False} == {visit.asks for visit in visits}


def test_an_imagined_request_opens_with_the_server_s_key_and_fits_what_agents_take():
    key = X25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    sealing = {"kid": "k", "public": base64.urlsafe_b64encode(public).decode().rstrip("=")}
    body = sealed_form({"terminal": "b-12345678", "generation": 2, "sealing": sealing}, random.Random(1), 8)
    asked = Ask.model_validate(body)
    where = {"terminal": "b-12345678", "generation": 2, "day": "2026-11-24", "hour": 9}
    row = ContactRequest(**asked.model_dump(exclude={"session"}), **where)
    form = open_request(row, {"k": key})
    assert isinstance(form, ContactForm)
    assert form.phone.startswith("06 39 98")
