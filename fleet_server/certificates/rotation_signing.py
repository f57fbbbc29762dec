"""The key that signs desired state, commands and state answers, followed by another."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session

from fleet_server.certificates.rotation import Heard, Step, name_of
from fleet_server.context import Context
from fleet_server.succession import Stage
from wire.trust import signing_digest

_SAYS: dict[Step, list[str]] = {
    "begin": [
        "Une seconde clé de signature est faite. Elle ne signe encore rien.",
        "Chaque borne l’apprend dans l’heure, par un message que la clé d’aujourd’hui signe, et le rapporte.",
    ],
    "switch": [
        "La nouvelle clé signe les souhaits et les commandes. L’ancienne reste, pour répondre aux bornes qui ne "
        "connaissent qu’elle.",
        "Une borne dont le logiciel ne dit pas quelles clés il connaît ne croirait plus ce serveur : mettez-le à "
        "jour avant.",
    ],
    "finish": [
        "L’ancienne clé est effacée, et les bornes l’oublient dans l’heure.",
        "Une borne qui ne connaîtrait pas la nouvelle ne croirait plus ce serveur : il faudrait l’enrôler de nouveau.",
    ],
}  # fmt: skip


class MessageKey:
    name = "signing"

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._signers = ctx.keys.signers

    @property
    def stage(self) -> Stage:
        return self._signers.now().stage

    def says(self, step: Step) -> list[str]:
        return _SAYS[step]

    def prepare(self, step: Step, session: Session) -> None:
        """Nothing in the database names this key."""

    def take(self, step: Step) -> None:
        now = self._ctx.now()
        at = int(now.timestamp())
        match step:
            case "begin":
                self._signers.announce(name_of(now), Ed25519PrivateKey.generate(), at)
            case "switch":
                self._signers.switch(at)
            case "finish":
                self._signers.drop(at)

    def settle(self) -> None:
        self._signers.tidy()

    def lacking(self, step: Step, session: Session, heard: list[Heard]) -> list[str]:
        now = self._signers.now()
        fresh = now.other if now.stage == "announced" else now.keys[0]
        if step == "begin" or fresh is None:
            return []
        digest = signing_digest(fresh.public_key())
        return [
            f"{one.words} : {one.silence or 'ne connaît pas encore la nouvelle clé'}"
            for one in heard
            if one.trust is None or digest not in one.trust.signing_keys
        ]
