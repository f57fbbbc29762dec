"""The kiosk window: `python -m agent.window`. It holds no secret but the page's address; root gives it a user apart.

The first line on stdin says what to show (`Opening`); then orders come, one JSON line each, and events go out on
stdout. When stdin closes, the agent is gone, and so is the window.

    {"do": "load"} {"do": "kill_renderer"} {"do": "out_of_service", "html": "…"} {"do": "screenshot", "path": "…"}
    {"do": "quit"}
    {"event": "ready"} {"event": "loaded", "ok": true, "renderer": 123} {"event": "refused", "url": "…"}
    {"event": "renderer_terminated", "expected": false, …} {"event": "screenshot", "path": "…", "ok": true}
"""

import json
import os
import shutil
import sys
import threading
from typing import Any

from pydantic import BaseModel

HOME_PREFIX = "balise-window-"
PAPER = "#F6F0E3"
_FLAGS = "--disable-pinch --overscroll-history-navigation=0 --disable-background-networking --no-first-run"


class Opening(BaseModel):
    """`url`: the page with its token. `debug_port`: Chromium's remote debugging, for tests only."""

    url: str
    fullscreen: bool = True
    width: int = 1280
    height: int = 800
    debug_port: int = 0


def tell(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event} | fields) + "\n")
    sys.stdout.flush()


def open_window(opening: Opening) -> None:
    """Blocks until the window is closed."""
    # Imported here: pywebview reads its environment, and looks for a display, when it is imported.
    import webview

    webview.settings["OPEN_EXTERNAL_LINKS_IN_BROWSER"] = False
    webview.settings["ALLOW_FILE_URLS"] = False
    webview.settings["ALLOW_DOWNLOADS"] = False
    webview.settings["OPEN_DEVTOOLS_IN_DEBUG"] = False
    if opening.debug_port:
        webview.settings["REMOTE_DEBUGGING_PORT"] = opening.debug_port
    window = webview.create_window(
        "Balise", html="<!doctype html>", width=opening.width, height=opening.height, fullscreen=opening.fullscreen,
        frameless=True, easy_drag=False, text_select=False, zoomable=False, draggable=False, background_color=PAPER,
    )  # fmt: skip
    assert window
    kept: list[object] = []

    def furnish() -> None:
        kept.append(_furnish(window.native, opening))

    window.events.before_show += furnish
    webview.start(gui="qt", debug=False, private_mode=True)


def _furnish(native: Any, opening: Opening) -> object:
    """Put our own page in the window, in place of pywebview's, which carries a bridge to Python."""
    from PySide6.QtCore import QObject, Qt, QUrl, Signal
    from PySide6.QtGui import QColor
    from PySide6.QtWebEngineCore import QWebEngineProfile
    from PySide6.QtWidgets import QApplication

    from agent.kiosk_page import KioskPage

    profile = QWebEngineProfile()  # unnamed: nothing of it is written to disk
    profile.setHttpCacheType(QWebEngineProfile.HttpCacheType.MemoryHttpCache)
    profile.downloadRequested.connect(lambda download: download.cancel())
    page = KioskPage(profile, QUrl(opening.url), tell)
    page.setBackgroundColor(QColor(PAPER))
    # pywebview injects its scripts into whatever page is there once its own first one has loaded.
    native._set_js_api = lambda: None
    view = native.webview
    view.setPage(page)
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    view.setAcceptDrops(False)
    native.setAcceptDrops(False)

    def screenshot(path: str) -> None:
        # From the window's own pixels: a window that is blank looks blank here too.
        tell("screenshot", path=path, ok=native.grab().save(path, None, 80))

    class Orders(QObject):
        came = Signal(str)

    def obey(line: str) -> None:
        order = json.loads(line)
        match order.get("do"):
            case "load":
                page.go_home()
            case "kill_renderer":
                page.kill_renderer()
            case "out_of_service":
                page.show_static(order["html"])
            case "screenshot":
                screenshot(order["path"])
            case "quit":
                QApplication.quit()

    orders = Orders()
    orders.came.connect(obey)
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    page.go_home()
    tell("ready", pid=os.getpid())
    return profile, page, orders


def _listen(orders: Any) -> None:
    for line in sys.stdin:
        orders.came.emit(line)
    orders.came.emit('{"do": "quit"}')


def main() -> None:
    opening = Opening.model_validate_json(sys.stdin.readline())
    os.environ["QT_API"] = "pyside6"
    flags = os.environ.get("QTWEBENGINE_CHROMIUM_FLAGS", "")
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = f"{flags} {_FLAGS} --autoplay-policy=no-user-gesture-required".strip()
    open_window(opening)
    sys.stdout.flush()
    if HOME_PREFIX in os.environ.get("HOME", ""):  # the agent may be gone, and with it who would wipe it
        shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    # Chromium's own tear-down may hang; there is nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
