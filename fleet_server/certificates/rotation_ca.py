"""The fleet CA followed by another: terminals, the broker, the server's own certificate, the lists of the revoked."""

from collections.abc import Callable
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import update
from sqlmodel import Session, col, func, select

from fleet_server.certificates import ca
from fleet_server.certificates.knock import knock, presented
from fleet_server.certificates.models import Certificate
from fleet_server.certificates.record import forget_passing, issued
from fleet_server.certificates.revoked import keep_list
from fleet_server.certificates.rotation import Heard, Step, name_of
from fleet_server.context import Context
from fleet_server.db import transaction
from fleet_server.durable import write_durably
from fleet_server.keys import Authority, keep_bundle, new_authority
from fleet_server.succession import Stage
from wire.trust import vouch_for

FLEET = "fleet"
"""The server's name at the broker."""
_PROBE = "probe"
_ANSWERS = {"revoked": "révoquée", "refused": "refusée", "unreachable": "le courtier ne répond pas"}
_SAYS: dict[Step, list[str]] = {
    "begin": [
        "Une seconde autorité est faite, pour dix ans. Elle ne délivre encore rien.",
        "Chaque borne apprend à la connaître dans l’heure, garantie par celle d’aujourd’hui, et le rapporte.",
        "Le courtier la prend en dix secondes (balise-revoked), avec sa liste de révoqués.",
    ],
    "switch": [
        "La nouvelle autorité délivre tous les certificats ; l’ancienne reste reconnue.",
        "Chaque borne renouvelle le sien d’elle-même, dans l’heure.",
        "Le certificat du serveur chez le courtier est refait ; celui du courtier l’est par « balise server broker "
        "--renew », à faire ensuite.",
        "Les jetons d’enrôlement qui n’ont pas servi, et les appairages qui attendent, sont annulés : ils nomment "
        "l’ancienne autorité.",
    ],
    "finish": [
        "L’ancienne autorité est effacée, sa clé aussi ; bornes et courtier ne la reconnaissent plus.",
        "Une borne absente depuis le début se fait connaître à son retour : elle suit la chaîne des garanties, et "
        "renouvelle par sa clé, jusqu’à un an après la fin de son certificat.",
    ],
}  # fmt: skip


class FleetAuthority:
    """`void_invitations(session)`: tokens and pairings that name the former authority serve no more."""

    name = "ca"

    def __init__(self, ctx: Context, void_invitations: Callable[[Session], object]) -> None:
        self._ctx = ctx
        self._keys = ctx.keys
        self._void_invitations = void_invitations

    @property
    def stage(self) -> Stage:
        return self._keys.cas.now().stage

    def says(self, step: Step) -> list[str]:
        return _SAYS[step]

    def prepare(self, step: Step, session: Session) -> None:
        if step == "begin":
            # What was issued while there was only one was issued by it.
            mine = self._keys.authority.id
            session.execute(update(Certificate).where(col(Certificate.issuer) == "").values(issuer=mine))
        if step == "switch":
            self._void_invitations(session)

    def take(self, step: Step) -> None:
        now, cas = self._ctx.now(), self._keys.cas
        at = int(now.timestamp())
        match step:
            case "begin":
                cas.tidy()
                present, fresh = self._keys.authority, new_authority(now)
                # First, that a terminal which hears of it finds who vouches for it. The other way round as well: who
                # is enrolled after the switch knows only the new one, and meets a broker that is still of the old.
                self._keys.add_vouchers(
                    vouch_for(fresh.certificate, present.certificate, present.key),
                    vouch_for(present.certificate, fresh.certificate, fresh.key),
                )
                cas.announce(name_of(now), fresh, at)
            case "switch":
                cas.switch(at)
            case "finish":
                cas.drop(at)

    def settle(self) -> None:
        ctx = self._ctx
        self._keys.cas.tidy()
        if self.stage == "alone":
            self._keys.drop_back_vouchers()
        keep_bundle(self._keys)
        keep_list(ctx.settings, self._keys, ctx.engine, ctx.now())
        self._renew_own()

    def _renew_own(self) -> None:
        """By which the server is known at the broker: the key stays, hence the broker needs not be told."""
        settings = self._ctx.settings
        path = settings.mqtt_tls_certificate or settings.keys_dir / "mqtt.crt"
        key_path = settings.mqtt_tls_key or settings.keys_dir / "mqtt.key"
        if not path.exists() or not key_path.exists():
            return
        by, now = self._keys.authority, self._ctx.now()
        if ca.issuer_id(x509.load_pem_x509_certificate(path.read_bytes())) == by.id:
            return
        key = load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(key, EllipticCurvePrivateKey)
        made = ca.issue(by, FLEET, key.public_key(), now, ca.SERVICE_LIFETIME)
        with transaction(self._ctx.engine) as session:
            issued(session, made, "server", FLEET, now)
        write_durably(path, ca.pem(made).encode(), 0o600)

    # ---- who is not ready --------------------------------------------------------------------------------------------

    def lacking(self, step: Step, session: Session, heard: list[Heard]) -> list[str]:
        other = self._keys.cas.now().other
        if step == "begin" or other is None:
            return []
        if step == "switch":
            return _do_not_know(other, heard) + self._broker_refuses(other, session)
        return self._hold_the_former(other, session, heard) + self._broker_shows(session)

    def _hold_the_former(self, former: Authority, session: Session, heard: list[Heard]) -> list[str]:
        """Terminals with a certificate of it that has not ended, and that do not use a newer one."""
        until = func.max(Certificate.ends_at).label("until")
        held = select(Certificate.name, until).where(
            Certificate.kind == "terminal", Certificate.issuer == former.id, col(Certificate.revoked_at).is_(None),
            Certificate.ends_at > self._ctx.now(),
        )  # fmt: skip
        ends = dict(session.exec(held.group_by(Certificate.name)).all())
        mine = self._keys.authority.digest
        return [
            f"{one.words} : tient un certificat de l’ancienne, jusqu’au {ends[one.terminal]:%d/%m/%Y}"
            for one in heard
            if one.terminal in ends and (one.trust is None or one.trust.certificate_by != mine)
        ]

    def _broker_refuses(self, other: Authority, session: Session) -> list[str]:
        if not self._has_broker(session):
            return []
        if problem := self._not_asked():
            return [problem]
        answer = self._knock(other)
        if answer == "let in":
            return []
        return [
            f"le courtier n’admet pas encore la nouvelle autorité ({_ANSWERS[answer]}) : sur sa machine, regardez "
            "« systemctl status balise-revoked » ; préparé par une version plus ancienne, refaites-le par --renew"
        ]

    def _knock(self, by: Authority) -> str:
        now, key = self._ctx.now(), generate_private_key(SECP256R1())
        made = ca.issue(by, _PROBE, key.public_key(), now, timedelta(minutes=5))
        with transaction(self._ctx.engine) as session:
            issued(session, made, "probe", _PROBE, now)
            forget_passing(session, now)
        return knock(self._ctx.settings, made, key, _PROBE)

    def _broker_shows(self, session: Session) -> list[str]:
        if not self._has_broker(session):
            return []
        if problem := self._not_asked():
            return [problem]
        shown = presented(self._ctx.settings)
        if shown is None:
            return ["le courtier ne répond pas, ou n’est pas reconnu"]
        if ca.issuer_id(shown) == self._keys.authority.id:
            return []
        return ["le courtier présente un certificat de l’ancienne : refaites-le par « balise server broker --renew »"]

    def _has_broker(self, session: Session) -> bool:
        """One with certificates: the broker that comes along knows none."""
        if self._ctx.settings.mqtt_tls_certificate:
            return True
        in_force = select(Certificate.serial).where(Certificate.kind == "broker", Certificate.ends_at > self._ctx.now())
        return session.exec(in_force.limit(1)).first() is not None

    def _not_asked(self) -> str:
        if self._ctx.settings.mqtt_tls_certificate:
            return ""
        return "le courtier ne peut être interrogé : donnez à cette commande les réglages du serveur (BALISE_MQTT_…)"


def _do_not_know(authority: Authority, heard: list[Heard]) -> list[str]:
    return [
        f"{one.words} : {one.silence or 'ne connaît pas encore la nouvelle autorité'}"
        for one in heard
        if one.trust is None or authority.digest not in one.trust.authorities
    ]
