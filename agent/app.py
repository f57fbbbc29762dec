"""The agent's composition root: one terminal, its screen, and how it became one.

Refused            start refused, in one sentence with the remedy
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from agent import VERSION, disk
from agent.clock import Clock
from agent.core import Terminal
from agent.enrol import POLL_EVERY_S, Pairing, enrol_with_token
from agent.fleet import Rejected, Unreachable
from agent.host_tools import HostTools
from agent.identity import DamagedIdentity, Identity, load_identity, protect
from agent.inventory.taken import take_apart
from agent.inventory.teller import Teller
from agent.kiosk import Kiosk
from agent.logbook import Logbook
from agent.loops import Backoff, jittered
from agent.serve import PortTaken, listen
from agent.settings import AgentSettings
from agent.software.compose import updates_of
from agent.software.update import Restart
from agent.spool import CannotKeep
from agent.starts import tell_start
from wire.enrol import BadToken, Enrolment, in_the_clear
from wire.events import StateChanged
from wire.sign import Untrusted

log = structlog.get_logger()
UI = Path(__file__).parent / "ui"
_TRY_AGAIN_S = 2.0


class Refused(Exception):
    pass


def run(settings: AgentSettings) -> None:
    """Until SIGTERM or SIGINT. Raises `Refused`."""
    _write_logs_as_json(structlog.WriteLoggerFactory())
    try:
        protect(settings.state_dir)
        with _alone(settings.state_dir):
            _write_logs_as_json(structlog.WriteLoggerFactory(Logbook(settings.state_dir, sys.stdout)))  # type: ignore[arg-type]
            asyncio.run(_until_told(settings))
    except Restart:
        log.info("agent ends, for another version to start", software=VERSION)
    except PortTaken as error:
        raise Refused(f"Le port {settings.port} est déjà pris : choisissez-en un autre avec --port.") from error
    except PermissionError as error:
        raise Refused(f"Pas le droit d’écrire dans {error.filename} : changez ses droits ou --state-dir.") from error
    except DamagedIdentity as error:
        raise Refused(
            f"L’identité de la borne est illisible ({error}). Enrôlez-la à nouveau : --enrol JETON."
        ) from error
    except CannotKeep as error:
        raise Refused(f"Rien ne peut être gardé sur le disque ({error}). Libérez de la place.") from error


async def _until_told(settings: AgentSettings) -> None:
    task = asyncio.create_task(_run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("agent stopped")
    except BaseExceptionGroup as group:
        # One cause is enough to tell; the others are the tasks that it took down.
        raise _first(group) from None


async def _run(settings: AgentSettings) -> None:
    clock = Clock(settings.state_dir / "clock")
    listener = listen(settings.port)
    listener.listen()  # from here on a page that comes early waits instead of being turned away
    tools = HostTools(settings.volume_command, settings.brightness_command, settings.reboot_command)
    kiosk = Kiosk(settings.state_dir, clock, UI, listener, settings.window, tools=tools)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kiosk.run(), name="kiosk")
        identity = await _become(settings, clock, kiosk)
        _refuse_an_open_broker(identity.enrolment)
        terminal = Terminal(settings, identity, clock)
        terminal.inventory = Teller(take_apart, terminal.fleet.put_inventory, terminal.changed, clock.elapsed)
        updates = updates_of(settings, terminal, kiosk)
        kiosk.attach(terminal, updates)
        tasks.create_task(terminal.run(), name="terminal")
        tasks.create_task(updates.run(), name="software")
        tasks.create_task(_tell_start(settings.state_dir, terminal), name="start")
        known = {"terminal": identity.terminal, "port": kiosk.port, "url": kiosk.url, "pid": os.getpid()}
        disk.write_json(settings.state_dir / "kiosk.json", known, 0o600)
        log.info("agent started", terminal=identity.terminal, generation=identity.generation, software=VERSION)


async def _tell_start(state_dir: Path, terminal: Terminal) -> None:
    async def tell(what: str, detail: dict[str, Any]) -> None:
        await terminal.tell(StateChanged(**terminal.stamp(), what=what, detail=detail))

    await tell_start(state_dir / "start.json", tell)


async def _become(settings: AgentSettings, clock: Clock, kiosk: Kiosk) -> Identity:
    """The identity kept, or a new one by token or by pairing; a server that is away is waited for."""
    directory = settings.state_dir / "identity"
    with contextlib.suppress(DamagedIdentity) if settings.enrol else contextlib.nullcontext():
        if identity := load_identity(directory):
            return identity
    if not settings.enrol and not settings.pair:
        raise Refused("Cette borne n’est pas enrôlée : donnez --enrol JETON, ou --pair ADRESSE du serveur.")
    backoff = Backoff(_TRY_AGAIN_S)
    while True:
        try:
            if settings.enrol:
                return await asyncio.to_thread(
                    enrol_with_token, settings.enrol, directory, lambda: clock.floor, settings.hardware
                )
            if paired := await _pair(settings, clock, kiosk, directory):
                return paired
        except Unreachable as error:
            wait = backoff.next()
            log.info("server not reached, trying again", reason=str(error)[:200], again_in_s=round(wait, 1))
            await asyncio.sleep(wait)
        except Rejected as error:
            raise Refused(f"Le serveur refuse l’enrôlement : {error}") from error
        except BadToken as error:
            raise Refused(f"Jeton d’enrôlement illisible : {error}") from error
        except Untrusted as error:
            raise Refused(f"Ce n’est pas le serveur attendu : {error}") from error


def _refuse_an_open_broker(told: Enrolment) -> None:
    if in_the_clear(told.mqtt_host, told.mqtt_tls):
        raise Refused(
            f"Le serveur annonce un courtier sur le réseau sans TLS ({told.mqtt_host}:{told.mqtt_port}). Préparez-le "
            "par « balise server broker », donnez BALISE_MQTT_PUBLIC_TLS=1 au serveur, et enrôlez la borne à nouveau."
        )


async def _pair(settings: AgentSettings, clock: Clock, kiosk: Kiosk, directory: Path) -> Identity | None:
    """Show a code until somebody has decided; None when it is over, and another begins."""
    kiosk.screen.pairing("", settings.pair)
    pairing = await asyncio.to_thread(Pairing, settings.pair, directory, lambda: clock.floor, settings.hardware)
    kiosk.screen.pairing(pairing.code, pairing.server)
    log.info("pairing asked", code=pairing.code, server=pairing.server)
    while True:
        await asyncio.sleep(jittered(POLL_EVERY_S))
        try:
            if identity := await asyncio.to_thread(pairing.ask):
                return identity
        except Unreachable as error:
            log.info("server not reached, the code stays", reason=str(error)[:200])
        except Rejected as error:
            log.info("pairing over", code=error.code)
            return None


@contextlib.contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Two agents on one state would each undo what the other keeps."""
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                f"Un agent tourne déjà avec {state_dir} : arrêtez-le, ou prenez un autre --state-dir."
            ) from error
        yield


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    cause: BaseException = group
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause


def _write_logs_as_json(factory: structlog.WriteLoggerFactory) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(default=str, serializer=json.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory,
    )
