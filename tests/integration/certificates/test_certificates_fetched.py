"""What the broker's machine fetches of its fleet: whom to believe, whom to refuse. Signed, newer, and read at last."""

import os
import subprocess
import threading
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from fleet_server.broker_files import make_broker_files
from fleet_server.certificates import ca
from fleet_server.certificates.revoked import signed_list, signed_lists
from fleet_server.certificates.told import signed_bundle
from fleet_server.keys import Authority, bundle, make_keys, new_authority

NOW = datetime.now(UTC)
LATER = 2**33
"""A number above those of the files that were made at first."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        return


class Folder:
    """A broker's folder, and what its server publishes; `fetch()` is the program itself, its status the answer."""

    def __init__(self, directory):
        self.keys = make_keys(directory / "keys", NOW)
        self.out = directory / "broker"
        self.published = directory / "server"
        (self.published / "api" / "v1" / "ca").mkdir(parents=True)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=self.published))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_port}"
        make_broker_files(self.keys, directory / "keys", self.out, ["localhost"], NOW, url=url)
        self.publish_authorities()
        self.publish_lists(7)

    def publish_lists(self, number):
        made = signed_lists(self.keys, [], number, NOW)
        (self.published / "api" / "v1" / "crl").write_bytes(made)
        return made

    def publish_authorities(self, content=b""):
        for one in self.keys.authorities:
            path = self.published / "api" / "v1" / "ca" / one.digest
            path.write_bytes(content or signed_bundle(self.keys, one))

    def fetch(self, reload="touch reloaded", **more):
        env = os.environ | {"BALISE_RELOAD": reload} | more
        done = subprocess.run([self.out / "fetch-revoked"], env=env, capture_output=True, text=True, check=False)
        return done.returncode

    @property
    def lists(self):
        return (self.out / "revoked.crl").read_bytes()

    @property
    def authorities(self):
        return (self.out / "ca.crt").read_text()

    def was_reloaded(self):
        """Since the last time that this was asked."""
        path = self.out / "reloaded"
        found = path.exists()
        path.unlink(missing_ok=True)
        return found


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    assert (folder.fetch(), folder.was_reloaded()) == (0, True), "what it begins with is read once"
    yield folder
    folder.server.shutdown()


# ---- whom to refuse --------------------------------------------------------------------------------------------------


def test_the_broker_takes_no_list_that_its_fleet_has_not_signed_nor_an_older_one(folder):
    first = folder.lists
    crl = folder.published / "api" / "v1" / "crl"
    crl.write_bytes(signed_list(new_authority(NOW), [], LATER, NOW).public_bytes(Encoding.PEM))
    assert (folder.fetch(), folder.lists) == (1, first)
    crl.write_bytes(b"")
    assert (folder.fetch(), folder.lists) == (1, first)
    folder.publish_lists(7)
    assert (folder.fetch(), folder.lists, folder.was_reloaded()) == (0, first, False)
    newer = folder.publish_lists(LATER)
    assert (folder.fetch(), folder.lists, folder.was_reloaded()) == (0, newer, True)


def test_of_several_lists_each_one_must_be_signed_and_newer(folder):
    first, mine = folder.lists, signed_list(folder.keys.authority, [], LATER, NOW).public_bytes(Encoding.PEM)
    foreign = signed_list(new_authority(NOW), [], LATER, NOW).public_bytes(Encoding.PEM)
    older = signed_list(folder.keys.authority, [], 7, NOW).public_bytes(Encoding.PEM)
    crl = folder.published / "api" / "v1" / "crl"
    for bad in (mine + foreign, mine + older):
        crl.write_bytes(bad)
        folder.fetch()
        assert folder.lists == first


def test_a_reload_that_failed_is_due_until_it_has_worked(folder):
    newer = folder.publish_lists(LATER)
    assert folder.fetch(reload="false") != 0
    assert folder.lists == newer
    assert folder.fetch(BALISE_SERVER="http://127.0.0.1:1") != 0, "nothing could be fetched, and is said so"
    assert folder.was_reloaded(), "what was fetched before is read all the same"
    assert (folder.fetch(), folder.was_reloaded()) == (0, False), "once is enough"


@pytest.mark.parametrize("cut_before", ["chown", "sync", "mv", "reload"])
def test_cut_anywhere_the_next_run_has_the_list_read(folder, tmp_path, cut_before):
    """The program ends by SIGKILL just before this command of it; the next run is left alone."""
    newer = folder.publish_lists(LATER)
    (deadly := tmp_path / "deadly").mkdir()
    (deadly / cut_before).write_text("#!/bin/sh\nkill -9 $PPID\n")
    (deadly / cut_before).chmod(0o700)
    reload = "reload" if cut_before == "reload" else "touch reloaded"
    assert folder.fetch(reload, PATH=f"{deadly}:{os.environ['PATH']}") == -9
    assert (folder.fetch(), folder.lists, folder.was_reloaded()) == (0, newer, True)


# ---- whom to believe -------------------------------------------------------------------------------------------------


def announce(folder):
    folder.keys.cas.announce("next", new_authority(NOW), 1)
    folder.publish_authorities()


def test_a_second_authority_is_taken_where_the_known_one_has_signed_it(folder):
    announce(folder)
    lists = folder.publish_lists(LATER)
    assert (folder.fetch(), folder.authorities, folder.was_reloaded()) == (0, bundle(folder.keys), True)
    assert folder.lists == lists, "with its list, without which all of its certificates would be refused"
    assert lists.count(b"BEGIN X509 CRL") == 2
    folder.keys.cas.switch(2)
    folder.publish_authorities()
    assert (folder.fetch(), folder.authorities) == (0, bundle(folder.keys)), "the new one first, by which it asks now"
    folder.keys.cas.drop(3)
    folder.publish_authorities()
    folder.publish_lists(LATER + 1)
    assert (folder.fetch(), folder.authorities) == (0, bundle(folder.keys))
    assert (folder.authorities.count("BEGIN CERT"), folder.lists.count(b"BEGIN X509 CRL")) == (1, 1)


def test_authorities_that_a_stranger_has_signed_or_that_are_older_change_nothing(folder, tmp_path):
    alone = signed_bundle(folder.keys, folder.keys.authority)
    announce(folder)
    assert folder.fetch() == 0
    both = folder.authorities
    folder.publish_authorities(alone)
    assert (folder.fetch(), folder.authorities) == (0, both)
    strangers = make_keys(tmp_path / "strangers", NOW)
    strangers.cas.announce("next", new_authority(NOW), LATER)
    folder.publish_authorities(signed_bundle(strangers, strangers.authority))
    assert (folder.fetch(), folder.authorities) == (1, both)


def test_authorities_that_a_terminal_has_signed_change_nothing(folder, tmp_path):
    """Its certificate is by the authority that is known, and names it an authority of nothing."""
    key, first = generate_private_key(SECP256R1()), folder.authorities
    terminal = Authority(key, ca.issue(folder.keys.authority, "laval-01", key.public_key(), NOW))
    strangers = make_keys(tmp_path / "strangers", NOW)
    strangers.cas.announce("next", new_authority(NOW), LATER)
    folder.publish_authorities(signed_bundle(strangers, terminal))
    assert (folder.fetch(), folder.authorities) == (1, first)
