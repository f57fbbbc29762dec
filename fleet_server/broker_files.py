"""What mosquitto needs to carry a fleet: certificate, configuration, access list; and the server's own certificate.

DIR/mosquitto.conf, DIR/acl               mutual TLS; each terminal speaks and listens under its own name alone
DIR/ca.crt, DIR/broker.crt, broker.key    by the fleet CA, for the names that terminals are told
DIR/revoked.crl, fetch-revoked            whom the broker refuses, and how it learns of new ones: every ten seconds
DIR/balise-revoked.service, .timer        that do it
keys/mqtt.crt, keys/mqtt.key              by which the server itself is known there, as `fleet`
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Engine

from fleet_server.certificates import ca
from fleet_server.certificates.models import Certificate
from fleet_server.certificates.record import issued, listed
from fleet_server.certificates.revoked import signed_lists
from fleet_server.db import reading, transaction
from fleet_server.durable import write_durably
from fleet_server.keys import Keys, bundle
from wire import topics
from wire.batch import MAX_BATCH_BYTES

FLEET = "fleet"
"""The server's name at the broker; a terminal's id never looks like it."""
_SECRET, _PROGRAM = 0o600, 0o700

ACL = f"""# Written by "balise server broker".
user {FLEET}
topic readwrite {topics.ROOT}/#

pattern write {topics.ROOT}/%u/up/#
pattern read {topics.ROOT}/%u/down/#
"""

_CONFIGURATION = """# Written by "balise server broker", and again by its --renew: put what you add into another file.
listener {port}{bind}
cafile {out}/ca.crt
certfile {out}/broker.crt
keyfile {out}/broker.key
# Read again at each reload, which fetch-revoked asks for.
crlfile {out}/revoked.crl
tls_version tlsv1.2

# Who has no certificate of this fleet does not come in; who has one is the name in it, in everything.
require_certificate true
use_identity_as_username true
# Else a terminal could take another's client id, and end its connection.
use_username_as_clientid true
allow_anonymous false
acl_file {out}/acl

# Without it a small message waits 40 ms for the one before.
set_tcp_nodelay true
# 0, no end: with one, the sender is told "taken" and the rest is dropped without a word.
max_queued_messages 0
max_packet_size {max_packet}
# Nothing relies on the broker remembering: terminals keep what is not confirmed, and sessions begin clean.
persistence false
persistent_client_expiration 1d
"""

_FETCH = """\
#!/bin/sh
# Written by "balise server broker". Fetches whom the fleet believes (its authorities) and whom it does not any more
# (the revoked certificates), and has mosquitto read what is new. What this fleet has not signed, or what is older,
# changes nothing. "loaded" names the files that mosquitto has read, once it has: until it names those that are here, a
# reload is due, whatever failed or was cut before.
set -eu
umask 077
cd "{out}"
server="${{BALISE_SERVER:-{url}}}"
get() {{ curl -fsS --max-time 10 --max-filesize 10000000 -o "$2" "$server/api/v1/$1"; }}
foreign() {{ echo "$1 is not signed by this fleet: not taken" >&2; }}
keep() {{ chown --reference=broker.crt "$1" && sync "$1" && mv "$1" "$2" && sync .; }}
here() {{ cat ca.crt broker.crt revoked.crl | sha256sum; }}
edition() {{ found=$(sed -n 's/^# Authorities .* number \\([0-9]*\\)$/\\1/p' "$1"); echo "${{found:-0}}"; }}
number() {{ printf '%d' "0x$(openssl crl -in "$1" -noout -crlnumber | sed 's/.*=//; s/^0x//')"; }}

take_authorities() {{
  known=$(openssl x509 -in ca.crt -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
  get "ca/$known" ca.signed || return 1
  # By an authority itself: a certificate that comes along in the message may be any terminal's, and is not looked at.
  openssl cms -verify -inform PEM -in ca.signed -CAfile ca.crt -certfile ca.crt -nointern -purpose any \\
    -out ca.new 2>/dev/null || {{ foreign ca.signed; return 1; }}
  [ "$(edition ca.new)" -gt "$(edition ca.crt)" ] || return 0
  keep ca.new ca.crt
}}

# One list of each authority, one after the other, and openssl reads only the first of a file.
take_lists() {{
  get crl revoked.new || return 1
  rm -f one.*.crl
  awk '/BEGIN X509 CRL/ {{ n++ }} n {{ print > ("one." n ".crl") }}' revoked.new
  [ -e one.1.crl ] || {{ foreign revoked.new; return 1; }}
  for one in one.*.crl; do
    openssl crl -in "$one" -CAfile ca.crt -noout 2>&1 | grep -q '^verify OK' ||
      {{ foreign "$one"; return 1; }}
    [ "$(number "$one")" -gt "$(number revoked.crl)" ] || return 0
  done
  keep revoked.new revoked.crl
}}

failed=0
take_authorities || failed=1
take_lists || failed=1
here=$(here)
if [ "$here" != "$(cat loaded 2>/dev/null || true)" ]; then
  ${{BALISE_RELOAD:-systemctl reload mosquitto}}
  echo "$here" >loaded.new
  mv loaded.new loaded
fi
exit $failed
"""

_SERVICE = """\
[Unit]
Description=Whom the broker of the fleet refuses
After=network-online.target mosquitto.service
[Service]
Type=oneshot
ExecStart={out}/fetch-revoked
"""

_TIMER = """\
[Unit]
Description=Whom the broker of the fleet refuses, every ten seconds
[Timer]
OnBootSec=10
OnUnitActiveSec=10
AccuracySec=1
RandomizedDelaySec=2
[Install]
WantedBy=timers.target
"""

_NEXT = """\
Courtier préparé dans {out}, pour {host}. Certificats valables jusqu’au {until:%d/%m/%Y} : à refaire avant, par --renew.

Sur la machine du courtier (ailleurs qu’ici : copiez-y ce dossier, au même endroit) :
  apt-get install mosquitto
  chown -R mosquitto: {out}
  ln -sfn {out}/mosquitto.conf /etc/mosquitto/conf.d/balise.conf
  systemctl restart mosquitto
  cp {out}/balise-revoked.service {out}/balise-revoked.timer /etc/systemd/system/
  systemctl enable --now balise-revoked.timer

Réglages du serveur, puis relancez-le :
  BALISE_BROKER=external
  BALISE_MQTT_HOST={host}
  BALISE_MQTT_PORT={port}
  BALISE_MQTT_TLS_CA={ca}
  BALISE_MQTT_TLS_CERTIFICATE={certificate}
  BALISE_MQTT_TLS_KEY={key}"""


class AlreadyThere(Exception):
    """Nothing was changed: the message names the file that is there."""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where everything is. `until`: when the certificates end."""

    out: Path
    ca: Path
    certificate: Path
    key: Path
    until: datetime

    @property
    def configuration(self) -> Path:
        return self.out / "mosquitto.conf"

    def what_next(self, host: str, port: int) -> str:
        return _NEXT.format(
            out=self.out, host=host, port=port, until=self.until, ca=self.ca, certificate=self.certificate, key=self.key
        )


def make_broker_files(
    keys: Keys, keys_dir: Path, out: Path, hosts: list[str], now: datetime, port: int = 8883, listen: str = "",
    renew: bool = False, url: str = "", engine: Engine | None = None,
) -> BrokerFiles:  # fmt: skip
    """`hosts`: names and addresses by which terminals and server reach the broker. `listen`: an address; empty: all.
    `url`: the server's, where the broker fetches whom to refuse. `engine`: the database where certificates are noted.

    Raises `AlreadyThere` unless `renew`, `ca.BadRequest` for a host that can not be one, `OSError`.
    """
    broker, fleet = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    of_broker = ca.issue_for_broker(keys.authority, hosts, broker.public_key(), now)
    of_fleet = ca.issue(keys.authority, FLEET, fleet.public_key(), now, ca.SERVICE_LIFETIME)
    revoked = signed_lists(keys, _listed(engine, now) if engine else [], int(now.timestamp()), now)
    made = BrokerFiles(
        out, keys_dir / "ca.crt", keys_dir / "mqtt.crt", keys_dir / "mqtt.key", now + ca.SERVICE_LIFETIME
    )
    files = {
        out / "broker.key": _pem(broker), out / "broker.crt": ca.pem(of_broker), out / "ca.crt": bundle(keys),
        made.key: _pem(fleet), made.certificate: ca.pem(of_fleet),
        out / "acl": ACL, made.configuration: configuration(out, port, listen),
        out / "revoked.crl": revoked.decode(), **_fetching(out, url),
    }  # fmt: skip
    if not renew and (there := [path for path in files if path.exists()]):
        raise AlreadyThere(str(there[0]))
    for path, content in files.items():
        write_durably(path, content.encode(), _PROGRAM if path.name == "fetch-revoked" else _SECRET)
    if engine:
        with transaction(engine) as session:
            issued(session, of_broker, "broker", "broker", now)
            issued(session, of_fleet, "server", FLEET, now)
    return made


def _listed(engine: Engine, now: datetime) -> list[Certificate]:
    with reading(engine) as session:
        return listed(session, now)


def _fetching(out: Path, url: str) -> dict[Path, str]:
    """By the broker's own machine, which may be another than the server's, and another user's in any case."""
    return {
        out / "fetch-revoked": _FETCH.format(out=out, url=url),
        out / "balise-revoked.service": _SERVICE.format(out=out),
        out / "balise-revoked.timer": _TIMER,
    }


def configuration(out: Path, port: int, listen: str = "") -> str:
    """`mosquitto.conf`, for the files of `out`."""
    bind = f" {listen}" if listen else ""
    return _CONFIGURATION.format(port=port, bind=bind, out=out, max_packet=MAX_BATCH_BYTES + 8192)


def _pem(key: EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
