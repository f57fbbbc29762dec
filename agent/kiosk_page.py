"""The page inside the window: it shows what the agent serves, can reach nothing else, and asks nothing of anybody."""

import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtWebEngineCore import (
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
)

_ON = (
    "JavascriptEnabled",
    "LocalStorageEnabled",
    "WebGLEnabled",
    "FocusOnNavigationEnabled",
    "WebRTCPublicInterfacesOnly",
)
_OFF = (
    "PluginsEnabled", "PdfViewerEnabled", "ScreenCaptureEnabled", "FullScreenSupportEnabled",
    "JavascriptCanOpenWindows", "JavascriptCanPaste", "JavascriptCanAccessClipboard", "NavigateOnDropEnabled",
    "LocalContentCanAccessFileUrls",
    "LocalContentCanAccessRemoteUrls", "AllowRunningInsecureContent", "AllowGeolocationOnInsecureOrigins",
    "AllowWindowActivationFromJavaScript", "HyperlinkAuditingEnabled", "DnsPrefetchEnabled", "AutoLoadIconsForPage",
    "TouchIconsEnabled", "ErrorPageEnabled", "PlaybackRequiresUserGesture",
)  # fmt: skip
_WITHIN = ("blob", "data", "about")
_RELOAD_AFTER_MS = 500
_RETRY_AFTER_MS = 1000

Tell = Callable[..., None]
"""`tell("loaded", ok=True)`: an event for the agent."""


class Fence(QWebEngineUrlRequestInterceptor):
    """Blocks every request that leaves the agent's origin: pictures, scripts, fetch, beacons, frames."""

    def __init__(self, origin: QUrl) -> None:
        super().__init__()
        self._origin = origin

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        url = info.requestUrl()
        if url.scheme() not in _WITHIN and not is_within(url, self._origin):
            info.block(True)


class KioskPage(QWebEnginePage):
    """No window is opened, no dialog shown, no device given. It stays at `home`'s origin, or out of service."""

    def __init__(self, profile: QWebEngineProfile, home: QUrl, tell: Tell) -> None:
        super().__init__(profile)
        self._home = home
        self._tell = tell
        self._static: str | None = None
        self._expected_death = False
        self._refused = False
        harden(self.settings())
        self._fence = Fence(home)
        self.setUrlRequestInterceptor(self._fence)
        self.permissionRequested.connect(lambda permission: permission.deny())
        self.desktopMediaRequested.connect(lambda request: request.cancel())
        self.fullScreenRequested.connect(lambda request: request.reject())
        self.registerProtocolHandlerRequested.connect(lambda request: request.reject())
        self.fileSystemAccessRequested.connect(lambda request: request.reject())
        self.renderProcessTerminated.connect(self._died)
        self.loadFinished.connect(self._loaded)

    # ---- what the agent orders --------------------------------------------------------------------------------------

    def go_home(self) -> None:
        self._static = None
        self.setUrl(self._home)

    def show_static(self, html: str) -> None:
        self._static = html
        self._start_again()

    def kill_renderer(self) -> None:
        self._static = None
        self._start_again()

    def _start_again(self) -> None:
        """In another renderer: one that hangs answers nothing and no one, and would not draw another page either."""
        pid = self.renderProcessPid()
        with contextlib.suppress(ProcessLookupError):
            if pid > 0:
                os.kill(pid, signal.SIGKILL)
                self._expected_death = True
                return
        self._show()

    def _show(self) -> None:
        if self._static is None:
            self.go_home()
        else:
            self.setHtml(self._static, QUrl("about:blank"))

    # ---- what happens -----------------------------------------------------------------------------------------------

    def _died(self, status: Any, code: int) -> None:
        expected, self._expected_death = self._expected_death, False
        self._tell("renderer_terminated", status=status.name, code=code, expected=expected)
        if expected:
            QTimer.singleShot(_RELOAD_AFTER_MS, self._show)

    def _loaded(self, ok: bool) -> None:
        if not ok and self._refused:
            self._refused = False  # the page is still there: it only wanted to leave
            return
        self._tell("loaded", ok=ok, renderer=self.renderProcessPid())
        if not ok and self._static is None:
            QTimer.singleShot(_RETRY_AFTER_MS, self._retry)

    def _retry(self) -> None:
        if self._static is None:
            self.go_home()

    # ---- what a page may not ----------------------------------------------------------------------------------------

    def acceptNavigationRequest(self, url: QUrl | str, type: Any, is_main_frame: bool) -> bool:
        url = QUrl(url)
        allowed = is_within(url, self._home) or (self._static is not None and url.scheme() in ("data", "about"))
        if not allowed:
            self._refused = self._refused or is_main_frame
            self._tell("refused", url=url.toString(QUrl.ComponentFormattingOption.FullyEncoded)[:200])
        return allowed

    def createWindow(self, type: Any) -> None:  # type: ignore[override]
        return None

    def javaScriptAlert(self, origin: QUrl | str, message: str) -> None:
        return

    def javaScriptConfirm(self, origin: QUrl | str, message: str) -> bool:
        return False

    def javaScriptPrompt(self, origin: QUrl | str, message: str, default: str) -> tuple[bool, str]:
        return False, ""

    def javaScriptConsoleMessage(self, level: Any, message: str, line: int, source: str) -> None:
        return  # what a page writes there may hold what a visitor typed

    def chooseFiles(self, mode: Any, old: Any, types: Any) -> list[str]:
        return []


def harden(settings: QWebEngineSettings) -> None:
    for names, on in ((_ON, True), (_OFF, False)):
        for name in names:
            settings.setAttribute(getattr(QWebEngineSettings.WebAttribute, name), on)


def is_within(url: QUrl, origin: QUrl) -> bool:
    """Same scheme, host and port."""
    return (url.scheme(), url.host(), url.port(80)) == (origin.scheme(), origin.host(), origin.port(80))
