"""Who has signed, who still must: the answer a terminal would come to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Root, Targets

from fleet_server.releases.roles import DELEGATED

Signed = Metadata[Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one staged role. `missing`: how many more signatures, at least; `by`: whose may count."""

    role: str
    signed: tuple[Key, ...]
    missing: int
    by: tuple[Key, ...]


def tally(role: str, metadata: Signed, root: Metadata[Root], next_root: Metadata[Root], targets: Signed) -> Tally:
    """`root`: the published one, which a new root must satisfy beside itself. `targets`: the newest, staged or not."""
    payload, signatures = metadata.signed_bytes, metadata.signatures
    if role == "root":
        before = root.signed if root.signed.version < metadata.signed.version else None
        result = metadata.signed.get_root_verification_result(before, payload, signatures)
        first, second = result.first, result.second
    else:
        authority: Root | Targets = targets.signed if role in DELEGATED else next_root.signed
        first = second = authority.get_verification_result(role, payload, signatures)
    wanting = {keyid: key for part in (first, second) if part.missing for keyid, key in part.unsigned.items()}
    # Whose key is in the root before and in the new one signs for both at once.
    shared = min(first.missing, second.missing, len(first.unsigned.keys() & second.unsigned.keys()))
    signed = first.signed | second.signed
    return Tally(role, tuple(signed.values()), first.missing + second.missing - shared, tuple(wanting.values()))


def tallies(staged: Mapping[str, Signed], root: Metadata[Root], targets: Signed) -> list[Tally]:
    next_root = staged.get("root", root)
    newest_targets = staged.get("targets", targets)
    return [tally(role, metadata, root, next_root, newest_targets) for role, metadata in staged.items()]


def sign(staged: Mapping[str, Signed], signers: Iterable[Signer], root: Metadata[Root], targets: Signed) -> int:
    """Add the signatures that still count. Returns how many."""
    added = 0
    for signer in signers:
        for one in tallies(staged, root, targets):
            if signer.public_key.keyid in {key.keyid for key in one.by}:
                staged[one.role].sign(signer, append=True)
                added += 1
    return added
