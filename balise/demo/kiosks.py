"""The seven kiosks as a person reaches them: their pages' addresses, and how far each has come."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3


@dataclass(frozen=True, slots=True)
class Kiosk:
    """`url`: its page, with the token without which a page may not call its agent."""

    key: str
    name: str
    terminal: str
    url: str

    @property
    def base(self) -> str:
        return self.url.partition("/#")[0]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.url.partition('#k=')[2]}"}


def find_kiosk(key: str, name: str, state_dir: Path) -> Kiosk | None:
    """None until the agent of this run has enrolled and says where its page is."""
    try:
        known = json.loads((state_dir / "kiosk.json").read_text())
        return Kiosk(key, name, known["terminal"], known["url"])
    except (OSError, ValueError, KeyError):
        return None


def forget_kiosk(state_dir: Path) -> None:
    """What an earlier run said no longer holds."""
    (state_dir / "kiosk.json").unlink(missing_ok=True)


def screen_of(http: urllib3.PoolManager, kiosk: Kiosk) -> dict[str, Any]:
    """What the agent would show now; empty while it does not answer, or not yet by this token."""
    try:
        answer = http.request("GET", f"{kiosk.base}/api/v1/screen", headers=kiosk.headers)
        found: dict[str, Any] = answer.json() if answer.status == 200 else {}
    except (urllib3.exceptions.HTTPError, ValueError):
        return {}
    return found
