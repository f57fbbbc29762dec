"""Whether the real kiosk window can open here, and if not, why: said in one sentence, never an error."""

import os
import subprocess
import sys

_LOADS = "import PySide6.QtWebEngineWidgets, webview"


def headless() -> bool:
    """Whether no window is wanted; also for `bootstrap.py`, which then brings no libraries for one."""
    return os.environ.get("HEADLESS", "").strip().lower() not in ("", "0", "no", "false")


def why_no_window() -> str | None:
    """None when it can."""
    if headless():
        return "HEADLESS=1, pas de fenêtre"
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "pas d’écran ici"
    # In a process of its own: Qt's libraries are of no use to this one, and may abort it.
    tried = subprocess.run([sys.executable, "-c", _LOADS], capture_output=True, text=True)
    if tried.returncode == 0:
        return None
    cause = tried.stderr.strip().splitlines()[-1] if tried.stderr.strip() else f"code {tried.returncode}"
    return f"la fenêtre ne peut pas s’ouvrir ({cause})"
