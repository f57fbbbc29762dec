"""What only the host can do: its volume, the brightness of its screen, a reboot. By commands of the machine's own.

Each is a line of the settings, split as a shell would and run without one; `{percent}` stands for the value asked for.
"""

import asyncio
import shlex
import shutil
from dataclasses import dataclass

from agent.commands import Failed, Refused

_VOLUME = (
    ("wpctl", "wpctl set-volume @DEFAULT_AUDIO_SINK@ {percent}%"),
    ("amixer", "amixer -q sset Master {percent}%"),
)
_BRIGHTNESS = (("brightnessctl", "brightnessctl -q set {percent}%"),)
_WITHIN_S = 10.0
_DOWN_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class HostTools:
    """Empty: what this host is found to have, and nothing for a reboot, which only a machine prepared for it allows."""

    volume_command: str = ""
    brightness_command: str = ""
    reboot_command: str = ""

    async def volume(self, percent: int) -> None:
        """Raises `Refused` where the host has no tool for it, `Failed`."""
        await _run(self.volume_command or _found(_VOLUME, "the volume"), percent)

    async def brightness(self, percent: int) -> None:
        await _run(self.brightness_command or _found(_BRIGHTNESS, "the brightness of the screen"), percent)

    async def reboot(self) -> None:
        """Does not return where it works: the machine ends this agent. Raises `Refused`, `Failed`."""
        if not self.reboot_command:
            raise Refused("no command to reboot this host is configured")
        await _run(self.reboot_command)
        await asyncio.sleep(_DOWN_WITHIN_S)
        raise Failed(f"the host did not go down within {_DOWN_WITHIN_S:.0f} s")


def _found(tools: tuple[tuple[str, str], ...], what: str) -> str:
    for name, line in tools:
        if shutil.which(name):
            return line
    raise Refused(f"this host has no tool for {what} ({', '.join(name for name, _ in tools)})")


async def _run(line: str, percent: int = 0) -> None:
    words = [word.replace("{percent}", str(percent)) for word in shlex.split(line)]
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise Refused(f"{words[0]} can't be run: {error.strerror}") from error
    try:
        async with asyncio.timeout(_WITHIN_S):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Failed(f"{words[0]} did not end within {_WITHIN_S:.0f} s") from None
    if process.returncode:
        raise Failed(f"{words[0]} ended with {process.returncode}: {said.decode(errors='replace').strip()[-120:]}")
