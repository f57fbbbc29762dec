"""The roles of the TUF repository, who signs each, how long each lives.

    root, targets, software     offline keys: they are never where the server is (`offline_keys`)
    content                     the server's own key, for `releases/*` and nothing else
    snapshot, timestamp         the server's own key, signed again by a job long before they expire

`targets` names no file itself: it says that `software` speaks for `software/*` and `content` for `releases/*`.
"""

from datetime import timedelta

from tuf.api.metadata import DelegatedRole, Delegations, Key, Root, Targets

OFFLINE = ("root", "targets", "software")
ONLINE = ("content", "snapshot", "timestamp")
DELEGATED = {"software": "software/*", "content": "releases/*"}
# Offline roles live long enough that a ceremony a year is plenty; a stolen online key is of use for weeks, not years.
LIFETIME = {
    "root": timedelta(days=2 * 365),
    "targets": timedelta(days=365),
    "software": timedelta(days=365),
    "content": timedelta(days=180),
    "snapshot": timedelta(days=60),
    # A terminal learns within this time that someone withholds news from it (freeze attack).
    "timestamp": timedelta(days=14),
}
WARNED_BEFORE = timedelta(days=60)
"""A person has to come with keys: time to find them."""
NAME_FIELD = "x-balise-name"
"""How people call a key, in its public part."""


def name_of(key: Key) -> str:
    """What its maker called it, and the beginning of its id."""
    name = key.unrecognized_fields.get(NAME_FIELD)
    return f"{name} ({key.keyid[:8]})" if name else key.keyid[:8]


def delegations(keys: dict[str, list[Key]]) -> Delegations:
    """`software` and `content`, each terminating: nobody else speaks for their paths."""
    roles = {
        role: DelegatedRole(role, [key.keyid for key in keys[role]], 1, terminating=True, paths=[path])
        for role, path in DELEGATED.items()
    }
    return Delegations({key.keyid: key for role in DELEGATED for key in keys[role]}, roles)


def signers_of(root: Root, targets: Targets, role: str) -> list[Key]:
    """The keys that may sign `role`, by what is signed; none for a role that is not delegated."""
    authority = targets if role in DELEGATED else root
    if role in DELEGATED and (targets.delegations is None or role not in (targets.delegations.roles or {})):
        return []
    return [authority.get_key(keyid) for keyid in authority.get_delegated_role(role).keyids]


def threshold_of(root: Root, targets: Targets, role: str) -> int:
    return (targets if role in DELEGATED else root).get_delegated_role(role).threshold
