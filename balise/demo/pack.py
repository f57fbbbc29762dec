"""The pack that the demonstration publishes, and whether all of it is as the last start left it.

Apart from `prepare`, whose libraries take seconds to load: a second start does without them.
"""

import hashlib
from pathlib import Path

from balise.demo.folder import Folder, Saved
from balise.demo.places import TERMINALS

PACK = Path(__file__).parents[2] / "content" / "pays-de-la-loire"


def pack_digest(pack: Path) -> str:
    mixed = hashlib.sha256()
    for path in sorted(pack.rglob("*")):
        if path.is_file():
            mixed.update(str(path.relative_to(pack)).encode() + b"\0" + path.read_bytes())
    return mixed.hexdigest()


def nothing_to_prepare(folder: Folder, saved: Saved, pack: Path = PACK) -> bool:
    """Accounts, terminals and server are there, each terminal is enrolled, and the pack is the one last published."""
    made = [folder.server / "keys", folder.server / "fleet.db"]
    made += [folder.terminal(terminal.key) / "identity" / "identity.json" for terminal in TERMINALS]
    known = bool(saved.accounts) and set(saved.terminals) == {terminal.key for terminal in TERMINALS}
    return known and all(path.exists() for path in made) and saved.content.partition(" ")[0] == pack_digest(pack)
