"""What mosquitto needs to carry a fleet: certificate, configuration, access list; and the server's own certificate.

DIR/mosquitto.conf, DIR/acl               mutual TLS; each terminal speaks and listens under its own name alone
DIR/ca.crt, DIR/broker.crt, broker.key    by the fleet CA, for the names that terminals are told
keys/mqtt.crt, keys/mqtt.key              by which the server itself is known there, as `fleet`
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet_server.certificates import ca
from fleet_server.durable import write_durably
from fleet_server.keys import Keys
from wire import topics
from wire.batch import MAX_BATCH_BYTES

FLEET = "fleet"
"""The server's name at the broker; a terminal's id never looks like it."""
_SECRET = 0o600

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


_NEXT = """\
Courtier préparé dans {out}, pour {host}. Certificats valables jusqu’au {until:%d/%m/%Y} : à refaire avant, par --renew.

Sur la machine du courtier (ailleurs qu’ici : copiez-y ce dossier, au même endroit) :
  apt-get install mosquitto
  chown -R mosquitto: {out}
  ln -sfn {out}/mosquitto.conf /etc/mosquitto/conf.d/balise.conf
  systemctl restart mosquitto

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
    renew: bool = False,
) -> BrokerFiles:  # fmt: skip
    """`hosts`: names and addresses by which terminals and server reach the broker. `listen`: an address; empty: all.

    Raises `AlreadyThere` unless `renew`, `ca.BadRequest` for a host that can not be one, `OSError`.
    """
    broker, fleet = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    of_broker = ca.issue_for_broker(keys, hosts, broker.public_key(), now)
    of_fleet = ca.issue(keys, FLEET, fleet.public_key(), now, ca.SERVICE_LIFETIME)
    made = BrokerFiles(
        out, keys_dir / "ca.crt", keys_dir / "mqtt.crt", keys_dir / "mqtt.key", now + ca.SERVICE_LIFETIME
    )
    files = {
        out / "broker.key": _pem(broker), out / "broker.crt": ca.pem(of_broker), out / "ca.crt": keys.ca_pem,
        made.key: _pem(fleet), made.certificate: ca.pem(of_fleet),
        out / "acl": ACL, made.configuration: configuration(out, port, listen),
    }  # fmt: skip
    if not renew and (there := [path for path in files if path.exists()]):
        raise AlreadyThere(str(there[0]))
    for path, content in files.items():
        write_durably(path, content.encode(), _SECRET)
    return made


def configuration(out: Path, port: int, listen: str = "") -> str:
    """`mosquitto.conf`, for the files of `out`."""
    bind = f" {listen}" if listen else ""
    return _CONFIGURATION.format(port=port, bind=bind, out=out, max_packet=MAX_BATCH_BYTES + 8192)


def _pem(key: EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
