"""A document that came becomes what is known of its terminal, and what it changed becomes history.

BadInventory     tell the terminal why; nothing was kept
"""

import hashlib
import json
import zlib
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import delete
from sqlmodel import Session, SQLModel, col, func, select

from fleet_server.db import insert_new
from fleet_server.inventory.diff import changes
from fleet_server.inventory.models import InventoryChange, Package, TerminalInventory
from wire.inventory import MAX_INVENTORY_BYTES, Inventory

MOST_CHANGES = 1_000
"""Of one terminal: the oldest go. Machines change a few times a month."""
MOST_LINES = 2_000
"""Of one change: a machine that says that all of it is another says no more by telling each package."""
_PACKAGES = {"packages", "python_packages"}


class BadInventory(ValueError):
    pass


def unpacked(packed: bytes, digest: str) -> Inventory:
    """`digest`: of the bytes that were packed. Raises `BadInventory`."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        raw = unzip.decompress(packed, MAX_INVENTORY_BYTES + 1)
    except zlib.error as error:
        raise BadInventory("ce n’est pas du gzip") from error
    if len(raw) > MAX_INVENTORY_BYTES:
        raise BadInventory(f"plus de {MAX_INVENTORY_BYTES} octets une fois ouvert")
    if not unzip.eof:
        raise BadInventory("le gzip est coupé")
    if hashlib.sha256(raw).hexdigest() != digest:
        raise BadInventory("le contenu n’a pas l’empreinte annoncée")
    try:
        return Inventory.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BadInventory(f"{'.'.join(map(str, first['loc']))[:80]} : {first['msg']}") from error


def keep(session: Session, terminal: str, digest: str, inventory: Inventory, now: datetime) -> None:
    """The same document again changes nothing."""
    row = session.get(TerminalInventory, terminal, with_for_update=True)
    if row and row.digest == digest:
        return
    if row:
        before = inventory_of(session, row)
        for part, lines in changes(before, inventory).items():
            kept = [list(line) for line in lines[:MOST_LINES]]
            session.add(InventoryChange(terminal=terminal, at=now, part=part, lines=kept))
    row = row or TerminalInventory(terminal=terminal, digest="", came_at=now, facts={}, packages="", package_count=0)
    row.digest, row.came_at = digest, now
    row.facts = inventory.model_dump(mode="json", exclude=_PACKAGES)
    row.packages = _set(session, inventory, now)
    row.package_count = len(inventory.packages)
    hardware, system = inventory.hardware, inventory.system
    row.model, row.memory_bytes = hardware.board.full_name, hardware.memory_bytes
    row.system, row.kernel, row.python, row.agent = system_of(inventory), system.kernel, system.python, inventory.agent
    session.add(row)
    session.flush()
    _forget_oldest(session, terminal)


def inventory_of(session: Session, row: TerminalInventory) -> Inventory:
    """The whole document, as it was read."""
    packages: dict[str, dict[str, str]] = {"system": {}, "python": {}}
    query = select(Package.source, Package.name, Package.version).where(Package.packages == row.packages)
    for source, name, version in session.exec(query.order_by(Package.name)):
        packages[source][name] = version
    return Inventory.model_validate(row.facts | {"packages": packages["system"], "python_packages": packages["python"]})


def held(session: Session, terminal: str) -> str:
    """The digest of what is known of it; empty for nothing yet."""
    return session.exec(select(TerminalInventory.digest).where(TerminalInventory.terminal == terminal)).first() or ""


def system_of(inventory: Inventory) -> str:
    """`Debian GNU/Linux 12.11`: the point release tells more than the code name."""
    system = inventory.system
    name = system.name.partition(" (")[0]
    return f"{name.rpartition(' ')[0]} {system.release}" if name[-1:].isdecimal() and system.release else name


def _set(session: Session, inventory: Inventory, now: datetime) -> str:
    """The digest of its packages, which are kept once."""
    all_of_them = {"system": inventory.packages, "python": inventory.python_packages}
    digest = hashlib.sha256(json.dumps(all_of_them, sort_keys=True).encode()).hexdigest()
    tables = SQLModel.metadata.tables
    connection = session.connection()
    if insert_new(connection, tables["inventory_set"], [{"digest": digest, "made_at": now}]):
        insert_new(connection, tables["inventory_package"], [
            {"packages": digest, "source": source, "name": name, "version": version}
            for source, packages in all_of_them.items() for name, version in packages.items()
        ])  # fmt: skip
    return digest


def _forget_oldest(session: Session, terminal: str) -> None:
    mine = InventoryChange.terminal == terminal
    count = session.exec(select(func.count()).select_from(InventoryChange).where(mine)).one()
    if count > MOST_CHANGES:
        oldest = select(InventoryChange.id).where(mine).order_by(col(InventoryChange.id)).limit(count - MOST_CHANGES)
        session.execute(delete(InventoryChange).where(col(InventoryChange.id).in_(oldest)))
