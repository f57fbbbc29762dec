"""Which wheels of a version are for this terminal: one release may serve several processors and Pythons."""

from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from agent.resume import Failure
from wire.software import SoftwareManifest, Wheel


class Unfit(Failure):
    """This version can never run here."""

    kind = "rejected"


def fitting(manifest: SoftwareManifest) -> tuple[Wheel, ...]:
    """One for each distribution, the one made most closely for this Python. Raises `Unfit` where one has none."""
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    best: dict[str, tuple[int, Wheel | None]] = {}
    for wheel in manifest.files:
        try:
            name, _, _, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename as error:
            raise Unfit(str(error)[:200]) from error
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=len(ranks))
        if name not in best or rank < best[name][0]:
            best[name] = (rank, wheel if rank < len(ranks) else None)
    lacking = [name for name, (_, wheel) in best.items() if wheel is None]
    if lacking:
        raise Unfit(f"no wheel of {min(lacking)} is for this machine and its Python")
    return tuple(wheel for _, wheel in best.values() if wheel)
