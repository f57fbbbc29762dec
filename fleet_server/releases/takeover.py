"""From one online key for all roles (ADR 0003) to offline keys (ADR 0008), followed by terminals in the field."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import datetime

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Root, Targets

from fleet_server.releases.metadata_files import Any_
from fleet_server.releases.repository import Repository
from fleet_server.releases.roles import DELEGATED, LIFETIME, delegations
from fleet_server.releases.signatures import sign, tallies
from fleet_server.releases.trust_changes import Impossible


def is_from_before(repo: Repository) -> bool:
    return repo.files.exist() and repo.files.current().content is None


def take_over(
    repo: Repository, keys: Mapping[str, list[Key]], signers: Iterable[Signer], now: datetime, dry_run: bool = False
) -> list[str]:
    """What changes, in French. The old key signs the new root beside the new ones. Raises `Impossible`."""
    if not is_from_before(repo):
        raise Impossible("Ce serveur a déjà des clés hors ligne : « balise release keys status ».")
    if lacking := [role for role in ("root", "targets", "software") if not keys.get(role)]:
        raise Impossible(f"Il manque une clé pour {', '.join(lacking)} : « balise release keys make ».")
    with repo.files.alone():
        current = repo.files.current()
        now = now.replace(microsecond=0)
        root: Root = deepcopy(current.root.signed)
        for role in ("root", "targets"):
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            for key in keys[role]:
                root.add_key(key, role)
        root.version, root.expires = root.version + 1, now + LIFETIME["root"]
        targets = Targets(current.targets.signed.version + 1, expires=now + LIFETIME["targets"])
        targets.delegations = delegations({"software": keys["software"], "content": [repo.online.newest()]})
        content = Targets(1, expires=now + LIFETIME["content"], targets=dict(current.targets.signed.targets))
        software = Targets(1, expires=now + LIFETIME["software"])
        staged: dict[str, Any_] = {
            "root": Metadata(root), "targets": Metadata(targets), "software": Metadata(software),
            "content": Metadata(content),
        }  # fmt: skip
        old = repo.online.signer(current.root.signed.roles["root"].keyids)
        sign(staged, [*signers, *([old] if old else []), *_online(repo)], current.root, current.targets)
        if any(one.missing for one in tallies(staged, current.root, current.targets)):
            raise Impossible("Ces clés ne suffisent pas à signer : la phrase secrète ouvre-t-elle toutes les clés ?")
        if not dry_run:
            repo.publish(current, staged, now)
    return [f"{role} : signé désormais par {len(keys[role])} clé(s) hors ligne" for role in keys] + [
        f"content : la clé du serveur, pour {DELEGATED['content']} et rien d’autre"
    ]


def _online(repo: Repository) -> list[Signer]:
    signer = repo.online.signer([repo.online.newest().keyid])
    return [signer] if signer else []
