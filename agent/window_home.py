"""Where the window's process lives: a user without rights, a home wiped after it, a bare environment."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from agent.window import HOME_PREFIX

log = structlog.get_logger()
_USERS = ("balise-window", "nobody")
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
)
_PASSED_PREFIXES = ("QT_", "QTWEBENGINE_")


@dataclass(frozen=True, slots=True)
class Home:
    path: Path
    user: pwd.struct_passwd | None
    """Whom to run as; None: as the agent's own user."""
    env: dict[str, str]

    def wipe(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def make_home() -> Home:
    user = _other_user()
    path = Path(tempfile.mkdtemp(prefix=HOME_PREFIX))
    env = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_PREFIXES)}
    env |= {"HOME": str(path), "TMPDIR": str(path), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if user:
        # A runtime directory belongs to the user who made it.
        env["XDG_RUNTIME_DIR"] = str(path)
    _bring_display_cookie(path, env)
    if os.geteuid() == 0 and not _sandbox_works(user):
        log.warning("the window runs without Chromium's sandbox", user=user.pw_name if user else "root")
        env["QTWEBENGINE_CHROMIUM_FLAGS"] = f"{env.get('QTWEBENGINE_CHROMIUM_FLAGS', '')} --no-sandbox".strip()
    path.chmod(0o700)
    if user:
        for owned in (path, *path.iterdir()):
            os.chown(owned, user.pw_uid, user.pw_gid)
    return Home(path, user, env)


def _other_user() -> pwd.struct_passwd | None:
    """The user to become, where the agent is root and that user could run at all."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if _runs(user, [sys.executable, "-c", "import agent.window"]) and not _needs_wayland():
            return user
    log.warning("the window runs as root: no other user can read this installation", python=sys.executable)
    return None


def _needs_wayland() -> bool:
    """Its socket is only for the user who owns the session."""
    return not os.environ.get("DISPLAY") and bool(os.environ.get("WAYLAND_DISPLAY"))


def _bring_display_cookie(path: Path, env: dict[str, str]) -> None:
    cookie = Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority")
    if cookie.is_file():
        shutil.copyfile(cookie, path / "Xauthority")
        env["XAUTHORITY"] = str(path / "Xauthority")


def _sandbox_works(user: pwd.struct_passwd | None) -> bool:
    """Chromium's needs user namespaces, and refuses to run as root."""
    return user is not None and _runs(user, ["unshare", "--user", "--net", "true"])


def _runs(user: pwd.struct_passwd, command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", capture_output=True, timeout=30,
            env={"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
