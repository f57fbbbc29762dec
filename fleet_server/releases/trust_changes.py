"""Changing whom terminals trust: a draft of the offline roles, to be signed by enough keys before it counts. Pure.

A draft begins with what is staged, or else with what is published; `finished` gives each role that differs its next
version, without signatures. Raises `Impossible` for what would leave a role that nobody can sign.
"""

from copy import deepcopy
from datetime import datetime
from typing import Any

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, Targets

from fleet_server.releases.metadata_files import Any_, Current
from fleet_server.releases.roles import DELEGATED, LIFETIME, OFFLINE, ONLINE, name_of, signers_of, threshold_of


class Impossible(ValueError):
    """The message says why, for the person, in French."""


class Draft:
    """Of root, targets and software, over what is published."""

    def __init__(self, current: Current, staged: dict[str, Any_]) -> None:
        if current.software is None or current.content is None:
            raise Impossible("Ce serveur signe encore tout lui-même : « balise release keys init » d’abord.")
        self._current = current
        self.root: Root = deepcopy(staged.get("root", current.root).signed)
        self.targets: Targets = deepcopy(staged.get("targets", current.targets).signed)
        self.software: Targets = deepcopy(staged.get("software", current.software).signed)
        self._renewed: set[str] = set(staged)

    def keys(self, role: str) -> list[Key]:
        return signers_of(self.root, self.targets, role)

    def add(self, role: str, key: Key) -> None:
        if key.keyid in {known.keyid for known in self.keys(role)}:
            raise Impossible(f"{name_of(key)} signe déjà pour {role}.")
        self._authority(role).add_key(key, role)

    def remove(self, role: str, keyid: str) -> None:
        if keyid not in {known.keyid for known in self.keys(role)}:
            raise Impossible(f"{keyid[:8]} ne signe pas pour {role}.")
        left, threshold = len(self.keys(role)) - 1, threshold_of(self.root, self.targets, role)
        if left < threshold:
            raise Impossible(f"Il resterait {left} clé pour {role}, il en faut {threshold} : ajoutez-en une d’abord.")
        self._authority(role).revoke_key(keyid, role)

    def exchange(self, role: str, keyid: str, fresh: Key) -> None:
        self.add(role, fresh)
        self.remove(role, keyid)

    def exchange_online(self, fresh: Key) -> None:
        """The server's key for another that it has made: what the old one signs is worth nothing any more."""
        for role in ONLINE:
            for old in self.keys(role):
                self.exchange(role, old.keyid, fresh)

    def need(self, role: str, threshold: int) -> None:
        """How many keys must sign `role`."""
        if not 1 <= threshold <= len(self.keys(role)):
            raise Impossible(f"{role} a {len(self.keys(role))} clé(s) : le seuil va de 1 à ce nombre.")
        self._authority(role).get_delegated_role(role).threshold = threshold

    def renew(self, role: str) -> None:
        if role not in OFFLINE:
            raise Impossible(f"Le serveur renouvelle {role} lui-même.")
        self._renewed.add(role)

    def found(self, wanted: str) -> Key:
        """The one key of an offline role that is called so, or whose id begins so."""
        known = {key.keyid: key for role in OFFLINE for key in self.keys(role)}
        fit = [key for key in known.values()
               if key.keyid.startswith(wanted.lower()) or name_of(key).partition(" (")[0] == wanted]  # fmt: skip
        if len(fit) != 1:
            raise Impossible(f"{len(fit)} clés hors ligne s’appellent {wanted} : donnez le début de l’identifiant.")
        return fit[0]

    def finished(self, now: datetime) -> dict[str, Any_]:
        """Role → unsigned metadata of the next version, for each role that is to be signed."""
        was, now = self._current, now.replace(microsecond=0)
        due = set(self._renewed)
        if _says(self.root) != _says(was.root.signed):
            due.add("root")
        # Whoever must sign a role has changed: what the others signed no longer holds.
        if _says(self.targets) != _says(was.targets.signed) or self._others_sign("targets"):
            due.add("targets")
        assert was.software
        if self._others_sign("software"):
            due.add("software")
        drafts: dict[str, tuple[Root | Targets, Metadata[Any]]] = {
            "root": (self.root, was.root), "targets": (self.targets, was.targets),
            "software": (self.software, was.software),
        }  # fmt: skip
        staged: dict[str, Any_] = {}
        for role in OFFLINE:
            if role in due:
                signed, published = drafts[role]
                signed.version, signed.expires = published.signed.version + 1, now + LIFETIME[role]
                staged[role] = Metadata(signed)
        return staged

    # ---- within ------------------------------------------------------------------------------------------------------

    def _authority(self, role: str) -> Root | Targets:
        return self.targets if role in DELEGATED else self.root

    def _others_sign(self, role: str) -> bool:
        before = signers_of(self._current.root.signed, self._current.targets.signed, role)
        threshold = threshold_of(self._current.root.signed, self._current.targets.signed, role)
        now = threshold_of(self.root, self.targets, role)
        return (_ids(before), threshold) != (_ids(self.keys(role)), now)


def told(current: Current, staged: dict[str, Any_]) -> list[str]:
    """What publishing `staged` would change, a line each, in French."""
    root, targets = staged.get("root", current.root).signed, staged.get("targets", current.targets).signed
    lines = []
    for role, metadata in staged.items():
        published = current.all()[role].signed
        lines.append(f"{role} : version {published.version} → {metadata.signed.version}, "
                     f"valable jusqu’au {metadata.signed.expires:%d/%m/%Y}")  # fmt: skip
    for role in (*OFFLINE, *ONLINE):
        before = {key.keyid: key for key in signers_of(current.root.signed, current.targets.signed, role)}
        after = {key.keyid: key for key in signers_of(root, targets, role)}
        lines += [f"{role} : clé {name_of(key)} ajoutée" for keyid, key in after.items() if keyid not in before]
        lines += [f"{role} : clé {name_of(key)} retirée" for keyid, key in before.items() if keyid not in after]
        needed = threshold_of(current.root.signed, current.targets.signed, role), threshold_of(root, targets, role)
        if needed[0] != needed[1]:
            lines.append(f"{role} : seuil {needed[0]} → {needed[1]}")
    if "software" in staged and current.software:
        fresh = set(staged["software"].signed.targets) - set(current.software.signed.targets)
        named = staged["software"].signed.targets
        lines += [f"software : {path} ajouté, empreinte {named[path].hashes['sha256']}" for path in sorted(fresh)]
    return lines


def who_will_sign(current: Current, staged: dict[str, Any_]) -> list[str]:
    """Every key that the staged roles would trust, by its whole id, a line each, in French.

    Beside `told`, which compares with what a file says is published: whoever took the server may lie about that.
    """
    root, targets = staged.get("root", current.root).signed, staged.get("targets", current.targets).signed
    concerned = [role for role in (*OFFLINE, *ONLINE) if ("targets" if role in DELEGATED else "root") in staged]
    return [
        f"{role} : {threshold_of(root, targets, role)} signature(s), par {name_of(key)} {key.keyid}"
        for role in concerned
        for key in signers_of(root, targets, role)
    ]


def _says(signed: Root | Targets) -> dict[str, Any]:
    told = signed.to_dict()
    return {name: value for name, value in told.items() if name not in ("version", "expires")}


def _ids(keys: list[Key]) -> set[str]:
    return {key.keyid for key in keys}
