"""Drills at a given second: all connections lost at once, or the broker restarted by a command of the operator's."""

import asyncio
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from balise.simulate.terminal import Simulated

_LOOK_EVERY_S = 0.1
_BACK_WITHIN_S = 300.0


class BadDrill(ValueError):
    """A French sentence: what was given, what is taken."""


@dataclass(frozen=True, slots=True)
class Drill:
    """`at_s` from the beginning of the simulation. `command`: what restarts the broker, in words."""

    kind: Literal["reconnect", "broker"]
    at_s: float
    command: tuple[str, ...] = ()


def read_drills(given: Sequence[str], broker_restart: str) -> tuple[Drill, ...]:
    """`["reconnect@60", "broker@90"]`. Raises `BadDrill`."""
    drills = []
    for one in given:
        kind, _, at = one.partition("@")
        try:
            at_s = float(at)
        except ValueError:
            at_s = -1.0
        if kind not in ("reconnect", "broker") or not 0 <= at_s < math.inf:
            raise BadDrill(f"--drill {one} : donnez reconnect@SECONDE ou broker@SECONDE.")
        if kind == "broker" and not broker_restart:
            raise BadDrill("--drill broker@… demande --broker-restart : « systemctl restart mosquitto », par exemple.")
        words = _words(broker_restart) if kind == "broker" else ()
        drills.append(Drill("broker" if kind == "broker" else "reconnect", at_s, words))
    return tuple(sorted(drills, key=lambda drill: drill.at_s))


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise BadDrill(f"--broker-restart {command} : un guillemet n’est pas fermé.") from error


async def carry_out(drill: Drill, fleet: Sequence[Simulated]) -> str:
    """Returns once all that were connected are so again, or after five minutes: what there is to tell of it."""
    there = [one for one in fleet if one.state == "connectées"]
    connections = {one.name: one.connections for one in there}
    loop = asyncio.get_running_loop()
    began = loop.time()
    if drill.command:
        if not await _succeeds(drill.command):
            return f"courtier : « {shlex.join(drill.command)} » a échoué"
    else:
        for one in there:
            one.lose_connection()
    away = there
    while away and loop.time() - began < _BACK_WITHIN_S:
        await asyncio.sleep(_LOOK_EVERY_S)
        away = [one for one in away if one.connections == connections[one.name] or one.state != "connectées"]
    took = f"{loop.time() - began:.1f}".replace(".", ",")
    back = f"{len(there) - len(away)} bornes sur {len(there)} revenues en {took} s"
    return f"{'courtier' if drill.command else 'reconnexion'} : {back}"


async def _succeeds(command: Sequence[str]) -> bool:
    try:
        restarting = await asyncio.create_subprocess_exec(*command)
    except OSError:  # there is no such program: the fleet is not to fall with the drill
        return False
    return await restarting.wait() == 0
