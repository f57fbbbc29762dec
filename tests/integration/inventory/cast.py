"""Terminals that say what they are made of, by the contract."""

import gzip
import hashlib

from tests.unit.inventory.test_inventory_diff import LAVAL, with_hardware
from wire.inventory import encode

__all__ = ["LAVAL", "path_of", "sends", "with_hardware"]


def path_of(digest):
    return f"/api/v1/terminal/inventory/{digest}"


def sends(kiosk, inventory=LAVAL):
    """As an agent does. The digest."""
    raw = encode(inventory)
    digest = hashlib.sha256(raw).hexdigest()
    answer = kiosk.http("PUT", path_of(digest), body=gzip.compress(raw), content_type="application/gzip")
    assert answer.status_code == 204, answer.text
    return digest
