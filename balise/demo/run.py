"""From nothing to a fleet that is up, and back: the demonstration's own composition root."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

import urllib3

from balise.demo.children import Child, Children
from balise.demo.display import why_no_window
from balise.demo.folder import Folder, Saved, write_private
from balise.demo.kiosks import Kiosk, find_kiosk, forget_kiosk, screen_of
from balise.demo.pack import nothing_to_prepare
from balise.demo.places import TERMINALS
from balise.demo.ports import free_near, is_free, require_free
from balise.demo.refusal import Refused
from balise.demo.saying import Saying, Step
from balise.demo.visitors import Visitors

PATIENCE_S = 180
NAMES = {terminal.key: terminal.name for terminal in TERMINALS}


class Demo:
    """One run in one folder. `stop` may be set from a signal handler, at any moment."""

    def __init__(self, folder: Folder, port: int, visits: bool, say: Saying) -> None:
        self.folder = folder
        self.port = port
        self.visits = visits
        self.say = say
        self.children = Children()
        self.stop = threading.Event()
        self.http = urllib3.PoolManager(retries=False, timeout=5)

    def run(self) -> None:
        """Until `stop`. Raises `Refused`; nothing is left running either way."""
        with self.folder.ours():
            try:
                self._up_and_down()
            finally:
                with self.say.step("Arrêt") if self.children.all else nullcontext():
                    self.children.stop()

    def _up_and_down(self) -> None:
        require_free(self.port)
        saved, anew = self._address()
        tokens = self._prepared(saved, anew)
        window = why_no_window()
        with self.say.step("Serveur en marche"):
            self.children.start(self._server(saved))
            if tokens:  # enrolling needs a server that answers; terminals that know it just try again
                self._wait_for_server()
        with self.say.step("Bornes") as step:
            for place, (key, port) in enumerate(saved.kiosk_ports.items()):
                forget_kiosk(self.folder.terminal(key))
                self.children.start(self._terminal(key, port, tokens.get(key, ""), window is None and place == 0))
            self._wait_for_server()
            kiosks = self._wait_for_kiosks(list(saved.kiosk_ports), step)
        self._announce(saved, kiosks, window)
        with self._visitors(saved, kiosks):
            self._watch(saved, kiosks)

    @contextmanager
    def _visitors(self, saved: Saved, kiosks: list[Kiosk]) -> Iterator[None]:
        if not self.visits:
            yield
            return
        visitors = Visitors(kiosks, saved.runs_with_visits)
        saved.runs_with_visits += 1
        self.folder.save(saved)
        visitors.start()
        try:
            yield
        finally:
            visitors.stop.set()
            visitors.join(10)

    def _prepared(self, saved: Saved, anew: bool) -> dict[str, str]:
        """The tokens to start terminals with, by demonstration key."""
        if not anew and nothing_to_prepare(self.folder, saved):
            self.folder.save(saved)
            return {}
        from balise.demo.prepare import prepare  # late: it loads the server's libraries, which takes seconds

        return prepare(self.folder, saved, anew, self.say)

    # ---- where everything is ----------------------------------------------------------------------------------------

    def _address(self) -> tuple[Saved, bool]:
        """Ports, kept from one start to the next while they are free. True: terminals must enrol at a new address."""
        saved = self.folder.load()
        if saved is None:
            saved, anew = Saved(self.port, free_near(self.port + 20)), False
        else:
            anew = saved.port != self.port or not is_free(saved.mqtt_port)
            saved.mqtt_port = saved.mqtt_port if is_free(saved.mqtt_port) else free_near(self.port + 20)
            saved.port = self.port
        taken = {saved.port, saved.mqtt_port}
        for place, terminal in enumerate(TERMINALS, 1):
            port = free_near(self.port + place, taken)
            saved.kiosk_ports[terminal.key] = port
            taken.add(port)
        return saved, anew

    def _server(self, saved: Saved) -> Child:
        env = {
            "BALISE_DATA_DIR": str(self.folder.server), "BALISE_PORT": str(saved.port), "BALISE_DEMO": "1",
            "BALISE_MQTT_PORT": str(saved.mqtt_port),
        }  # fmt: skip
        return self._child("Le serveur", "serveur", ["server", "run"], env)

    def _terminal(self, key: str, port: int, token: str, window: bool) -> Child:
        env = {
            "BALISE_AGENT_STATE_DIR": str(self.folder.terminal(key)), "BALISE_AGENT_PORT": str(port),
            "BALISE_AGENT_ENROL": token, "BALISE_AGENT_WINDOW": "1" if window else "0",
            "BALISE_AGENT_HARDWARE": "démonstration",
        }  # fmt: skip
        return self._child(f"La borne de {NAMES[key]}", key, ["agent"], env)

    def _child(self, name: str, short: str, command: list[str], env: dict[str, str]) -> Child:
        log = self.folder.log(short)
        log.write_bytes(b"")
        return Child(name, [sys.executable, "-m", "balise", *command], env, log)

    # ---- waiting, saying where it stands ----------------------------------------------------------------------------

    def _wait_for_server(self) -> None:
        def answers() -> bool:
            try:
                return self.http.request("GET", f"http://127.0.0.1:{self.port}/readyz").status == 200
            except urllib3.exceptions.HTTPError:
                return False

        self._until(answers, "Le serveur ne répond pas")

    def _wait_for_kiosks(self, keys: list[str], step: Step) -> list[Kiosk]:
        """All seven, each with a release of content in force."""
        found: dict[str, Kiosk] = {}

        def all_there() -> bool:
            for key in keys:
                kiosk = find_kiosk(key, NAMES[key], self.folder.terminal(key))
                if kiosk and key not in found and screen_of(self.http, kiosk).get("release"):
                    found[key] = kiosk
            step.now(f"{len(found)} sur {len(keys)} ont activé le contenu")
            return len(found) == len(keys)

        self._until(all_there, "Des bornes n’ont pas activé le contenu")
        return [found[key] for key in keys]

    def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if self.stop.wait(0.25):
                raise Stopped
            self.children.restart_the_dead()
            if time.monotonic() > deadline:
                raise Refused(f"{otherwise} après {PATIENCE_S} s. Les journaux sont dans {self.folder.logs}.")

    def _announce(self, saved: Saved, kiosks: list[Kiosk], window: str | None) -> None:
        say = self.say.line
        say()
        say(f"  Back-office   [bold]http://127.0.0.1:{self.port}[/]")
        for account in saved.accounts:
            say(f"    {account.login:8} {account.password}   [dim]{account.name}, {account.role}[/]")
        say()
        say("  Bornes" + (f"   [dim]{window} : voici leurs pages, pour n’importe quel navigateur[/]" if window else ""))
        for kiosk in kiosks:
            say(f"    {kiosk.name:20} {kiosk.url}")
        if not window:
            say(f"  La borne de {kiosks[0].name} est ouverte sur votre écran.")
        if self.visits:
            say("  Des visites simulées, nommées comme telles, animent les pages (VISITS=1).")
        say()
        say(f"  Tout est dans {self.folder.path}. Ctrl-C arrête tout.")
        self._write_ready(saved, kiosks)

    def _write_ready(self, saved: Saved, kiosks: list[Kiosk]) -> None:
        pids = {"demo": os.getpid(), "server": self.children.all[0].pid}
        pids |= {kiosk.terminal: child.pid for kiosk, child in zip(kiosks, self.children.all[1:], strict=True)}
        accounts = [{"role": one.role, "login": one.login, "password": one.password} for one in saved.accounts]
        pages = [{"terminal": kiosk.terminal, "name": kiosk.name, "url": kiosk.url} for kiosk in kiosks]
        ready = {"server": f"http://127.0.0.1:{self.port}", "accounts": accounts, "kiosks": pages, "pids": pids}
        write_private(self.folder.ready, ready)

    def _watch(self, saved: Saved, kiosks: list[Kiosk]) -> None:
        while not self.stop.wait(0.5):
            for child in self.children.restart_the_dead():
                self.say.line(f"  Relance : {child.name} ({child.last_words()})")
                self._write_ready(saved, kiosks)


class Stopped(Exception):
    """The person asked to stop before all was up."""


def stop_on_signals(demo: Demo) -> None:
    """Ctrl-C, a closed terminal and a service manager all end it the same way; a second Ctrl-C changes nothing."""

    def asked(_number: int, _frame: FrameType | None) -> None:
        demo.stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)
