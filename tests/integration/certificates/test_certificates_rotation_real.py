"""The authority and the signing key changed by the command line, on real processes: mosquitto, server, two agents."""

import os
import subprocess

from agent.identity import load_identity
from fleet_server.certificates.ca import issuer_id
from fleet_server.certificates.knock import knock
from fleet_server.keys import load_keys
from tests.fleet import BALISE, Fleet, eventually
from tests.integration.certificates.test_certificates_out import broker_log, connected, fetching
from wire.trust import signing_digest


def balise(fleet, *words):
    done = subprocess.run([*BALISE, "server", *words], env=os.environ | fleet.environment, capture_output=True,
                          text=True, timeout=300)  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def trust(fleet, kiosk):
    return fleet.report(kiosk).get("trust") or {}


def test_authority_and_signing_key_change_under_a_running_fleet_and_nobody_is_lost(tmp_path):
    with Fleet(tmp_path, "mosquitto", tls=True) as fleet:
        kiosks = [fleet.add(name).start(pull_every_s=2) for name in ("Laval", "Cholet")]
        eventually(lambda: all(connected(fleet, one) for one in kiosks), 180, what="both are connected")
        stolen = load_identity(kiosks[0].state_dir / "identity")
        keys = load_keys(fleet.data_dir / "keys")
        old = keys.authority
        tried = balise(fleet, "ca", "begin", "--dry-run")
        assert (tried[0], "Essai : rien n’a été changé." in tried[1], keys.cas.now().stage) == (0, True, "alone")
        assert balise(fleet, "ca", "begin")[0] == 0
        new = keys.authorities[1]
        eventually(lambda: all(len(trust(fleet, one).get("authorities", ())) == 2 for one in kiosks), 180,
                   what="both say that they know it")  # fmt: skip
        refused = balise(fleet, "ca", "switch")
        assert (refused[0], "le courtier n’admet pas encore la nouvelle autorité" in refused[1]) == (1, True), refused
        with fetching(fleet, tmp_path / "broker"):
            eventually(lambda: balise(fleet, "ca", "switch")[0] == 0, 180, 1, what="the broker knows it too")
            eventually(lambda: all(trust(fleet, one)["certificate_by"] == new.digest for one in kiosks), 180,
                       what="both have renewed")  # fmt: skip
            refused = balise(fleet, "ca", "finish")
            assert (refused[0], "balise server broker --renew" in refused[1]) == (1, True), refused
            where = ["--host", "127.0.0.1", "--host", "localhost", "--listen", "127.0.0.1"]
            renewed = balise(fleet, "broker", "--renew", "--out", str(tmp_path / "broker"), "--port",
                             str(fleet.mqtt_port), *where)  # fmt: skip
            assert renewed[0] == 0, renewed
            eventually(lambda: balise(fleet, "ca", "finish")[0] == 0, 180, 1, what="the broker shows the new one")
            eventually(lambda: knows_only(fleet, stolen), 180, 1, what="the broker has dropped the old one")
        assert [one.id for one in keys.authorities] == [new.id] != [old.id]
        # Everybody connects again, with what is left.
        before = {one: joined(fleet, one) for one in kiosks}
        fleet.mosquitto.stop()
        fleet.mosquitto.start()
        eventually(lambda: all(joined(fleet, one) > before[one] for one in kiosks), 180, what="both are back")
        signing_key(fleet, kiosks, keys)


def joined(fleet, kiosk):
    return broker_log(fleet).count(f"as {kiosk.terminal} ")


def knows_only(fleet, former):
    with fleet.offline() as ctx:
        return knock(ctx.settings, former.certificate, former.key, former.terminal) == "refused"


def signing_key(fleet, kiosks, keys):
    assert balise(fleet, "signing", "begin")[0] == 0
    eventually(lambda: balise(fleet, "signing", "switch")[0] == 0, 180, 1, what="both know the next key")
    assert balise(fleet, "signing", "finish")[0] == 0
    only = [signing_digest(keys.signing.public_key())]
    eventually(lambda: all(trust(fleet, one)["signing_keys"] == only for one in kiosks), 180, what="and only that")
    fleet.set(idle_end_s=77)
    eventually(lambda: all(fleet.report(one)["settings"]["idle_end_s"] == 77 for one in kiosks), 180,
               what="what it signs is obeyed")  # fmt: skip
    assert issuer_id(load_identity(kiosks[0].state_dir / "identity").certificate) == keys.authority.id
