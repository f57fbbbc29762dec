"""The pages there are, by role: one table for the rail, the palette and where each role lands."""

from typing import NamedTuple

from fleet_server.web.viewer import Viewer


class Page(NamedTuple):
    key: str
    url: str
    icon: str
    label: str
    group: str
    roles: frozenset[str]


def _page(key: str, url: str, icon: str, label: str, group: str, *roles: str) -> Page:
    return Page(key, url, icon, label, group, frozenset(roles))


PAGES = (
    _page("requests", "/demandes", "inbox", "Demandes", "", "counsellor"),
    _page("fleet", "/flotte", "device-desktop", "Flotte", "", "operator", "admin"),
    _page("rollouts", "/deploiements", "rocket", "Déploiements", "", "operator", "admin"),
    _page("commands", "/commandes", "terminal-2", "Commandes", "", "operator", "admin"),
    _page("upkeep", "/travaux", "tool", "Travaux prévus", "", "operator", "admin"),
    _page("inventory", "/inventaire", "cpu", "Inventaire", "", "operator", "admin"),
    _page("contents", "/contenus", "package", "Contenus", "", "operator", "admin"),
    _page("usage", "/frequentation", "chart-histogram", "Fréquentation", "Mesurer", "operator", "counsellor", "admin"),
    _page("enrol", "/enrolement", "qrcode", "Enrôlement", "Administrer", "operator", "admin"),
    _page("settings", "/reglages", "adjustments-horizontal", "Réglages communs", "Administrer", "operator", "admin"),
    _page("accounts", "/comptes", "users", "Comptes et rôles", "Administrer", "admin"),
    _page("tokens", "/jetons", "key", "Jetons d’API", "Administrer", "operator", "admin"),
    _page("audit", "/journal", "list-search", "Journal d’audit", "Administrer", "operator", "admin"),
)
LANDING = {"counsellor": "/demandes", "operator": "/flotte", "admin": "/comptes"}


def pages_of(viewer: Viewer) -> list[Page]:
    return [page for page in PAGES if page.roles & viewer.roles]


def groups_of(viewer: Viewer) -> dict[str, list[Page]]:
    """Group title → its pages, in the order of the rail; *now* is unnamed."""
    groups: dict[str, list[Page]] = {}
    for page in pages_of(viewer):
        groups.setdefault(page.group, []).append(page)
    return groups


def landing(viewer: Viewer) -> str:
    return next((url for role, url in LANDING.items() if role in viewer.roles), "/a-propos")
