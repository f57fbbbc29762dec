"""Signing on another machine: what is to be signed leaves in a file, comes back with signatures, counts when complete.

    on the server                  stage a change, `exported`
    where the keys are             `read_bundle`, read what it changes (`told`), `sign_bundle`
    on the server                  `imported`: signatures are added; complete, it is published at once

The file carries what is published too: whoever signs sees the difference without any server, and each key that would be
trusted from then on, since a file may lie about what is published. A file that was changed on its way changes what is
signed, and the server takes back only signatures over what it staged.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from fleet_server.releases.metadata_files import Any_, Current
from fleet_server.releases.repository import Repository
from fleet_server.releases.signatures import Tally, sign, tallies
from fleet_server.releases.trust_changes import Draft

_FORMAT = "balise-signatures-1"
MAX_BUNDLE_BYTES = 20 * 2**20


class BadBundle(ValueError):
    """Not a file of ours, or made from another repository or another change. The message is French."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is published, and what is to be signed."""

    current: Current
    staged: dict[str, Any_]

    def tallies(self) -> list[Tally]:
        return tallies(self.staged, self.current.root, self.current.targets)

    def to_bytes(self) -> bytes:
        documents = {
            "published": {role: metadata.to_dict() for role, metadata in self.current.all().items()},
            "staged": {role: metadata.to_dict() for role, metadata in self.staged.items()},
        }
        return json.dumps({"format": _FORMAT, **documents}, indent=1).encode() + b"\n"


def read_bundle(raw: bytes) -> Bundle:
    """Raises `BadBundle`."""
    try:
        told = json.loads(raw)
        if told["format"] != _FORMAT:
            raise BadBundle("Ce fichier n’est pas de cette version de Balise.")
        published: dict[str, Any] = {role: Metadata.from_dict(one) for role, one in told["published"].items()}
        current = Current(**({"software": None, "content": None} | published))
        current.root.verify_delegate("root", current.root)
        staged: dict[str, Any_] = {role: Metadata.from_dict(one) for role, one in told["staged"].items()}
        if any(one.signed.type != current.all()[role].signed.type for role, one in staged.items()):
            raise ValueError("a role that is not what its name says")
        return Bundle(current, staged)
    except BadBundle:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RepositoryError) as error:
        raise BadBundle("Ce fichier n’est pas celui de « balise release keys export », ou il est abîmé.") from error


def exported(repo: Repository) -> Bundle:
    """Raises `BadBundle` when nothing waits for signatures."""
    staged = repo.files.read_staged()
    if not staged:
        raise BadBundle("Rien n’attend de signature.")
    return Bundle(repo.files.current(), staged)


def sign_bundle(bundle: Bundle, signers: Iterable[Signer]) -> int:
    """How many signatures were added."""
    return sign(bundle.staged, signers, bundle.current.root, bundle.current.targets)


def stage(repo: Repository, draft: Draft, now: datetime) -> None:
    with repo.files.alone():
        repo.files.write_staged(draft.finished(now))


def imported(repo: Repository, bundle: Bundle, now: datetime, dry_run: bool = False) -> list[Tally]:
    """Add the signatures; what is still lacking, role by role. Complete, it is published. Raises `BadBundle`."""
    with repo.files.alone():
        staged = repo.files.read_staged()
        current = repo.files.current()
        for role, metadata in bundle.staged.items():
            if role not in staged or staged[role].signed_bytes != metadata.signed_bytes:
                raise BadBundle(f"{role} a changé depuis l’export : exportez de nouveau, et faites signer cela.")
            valid = _signed_by(staged | {role: metadata}, role, current)
            staged[role].signatures |= {keyid: metadata.signatures[keyid] for keyid in valid}
        lacking = tallies(staged, current.root, current.targets)
        if not dry_run:
            repo.files.write_staged(staged)
    if not dry_run:
        repo.publish_staged(now)
    return lacking


def _signed_by(staged: dict[str, Any_], role: str, current: Current) -> list[str]:
    """By what this server has published and staged: the file's own idea of who may sign is not asked."""
    found = tallies(staged, current.root, current.targets)
    return [key.keyid for one in found if one.role == role for key in one.signed]
