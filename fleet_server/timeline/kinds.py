"""What a line of the timeline is about: one table of kinds, in French. A kind that is not here belongs to `autres`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`names` and `prefixes`: of terminals' events, whose words are in `terminals.words.EVENTS`."""

    word: str
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def has_events(self) -> bool:
        return bool(self.names or self.prefixes)


KINDS = {
    "demarrages": Kind("Démarrages", ("machine.started", "agent.started")),
    "logiciel": Kind("Logiciel", prefixes=("software.",)),
    "contenu": Kind("Contenu", prefixes=("content.",)),
    "reglages": Kind("Réglages", prefixes=("settings.",)),
    "commandes": Kind("Commandes"),
    "maintenance": Kind("Maintenance", prefixes=("maintenance.",)),
    "incidents": Kind(
        "Incidents",
        ("requests.replaced", "outbox.replaced", "event.set_aside", "dropped"),
        ("window.", "link."),
    ),
    "certificat": Kind("Certificat"),
    "materiel": Kind("Matériel"),
    "visites": Kind("Visites"),
    "autres": Kind("Autres"),
}
TOLD_ELSEWHERE = ("command.answered", "certificate.renewed")
"""Events whose fact the server has itself: the command with its answer, the certificate that it issued."""


def kind_of(name: str) -> str:
    """Of an event, by its own name."""
    return next((key for key, kind in KINDS.items() if name in kind.names or name.startswith(kind.prefixes or ("\0",))),
                "autres")  # fmt: skip
