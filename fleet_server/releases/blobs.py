"""Files of releases by SHA-256: `<directory>/<ab>/<sha256>`. Written once, never changed, shared by releases."""

import hashlib
from pathlib import Path

from fleet_server.durable import write_durably


def blob_path(directory: Path, sha256: str) -> Path:
    return directory / sha256[:2] / sha256


def keep_blob(directory: Path, content: bytes) -> str:
    """Its digest, once it is on the disk."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = blob_path(directory, sha256)
    if not path.exists():
        write_durably(path, content)
    return sha256
