"""What systemd starts: counts the boots of a version on trial and the early deaths of one that was kept, and goes back
to the one before when it has had its chances.

Of the standard library alone, and installed beside the slots: no update replaces it.

    <root>/slots/<version>/bin/python     one environment a version
    <root>/current -> slots/<version>     the pointer
    <root>/trial.json                     {"new", "old", "boots"} while `new` has not been committed
    <root>/starts.json                    the last start outside of a trial, and the deaths and falls counted until then

A version on trial also starts with an alarm set, which outlives `exec`: the kernel ends a process that has not
committed in time and so cannot disarm it, even one that hangs.

A version that was kept and dies soon after each of its starts *falls*: the one before it starts instead. Starts are
compared within one boot of the machine: a power cut is nobody's death. Where both die, the cause lies elsewhere: after
`FALLS` in `FALLS_S` none falls any more, until that time has passed or the machine is started anew.

Where the pointer names nothing that can be started (a damaged file system), another slot that is whole is.
"""

import json
import os
import signal
import sys
import time

BOOTS = 3
WITHIN_S = 20 * 60
"""Longer than the health gate's 15 minutes: a version that can still judge itself does so first."""
DEATHS = 5
QUICK_S = 5 * 60
"""A death within this after the start counts. More than a start that hangs takes until systemd ends it."""
FALLS, FALLS_S = 2, 60 * 60
_STARTS_BYTES = 1024
"""Always as long, so that it can be written over where it is: a full disk has no room for a new file."""


RESERVES = ("reserve.start", "reserve.fall")
"""Files that take room on the disk to be given away when it is full (`agent.software.reserve`)."""
FULL = 4 * 2**20


def synced(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def point(root: str, version: str) -> None:
    """`current` is one slot or the other, whatever happens."""
    fresh = os.path.join(root, "current.new")
    try:
        os.unlink(fresh)
    except FileNotFoundError:
        pass
    os.symlink(os.path.join("slots", version), fresh)
    os.replace(fresh, os.path.join(root, "current"))
    synced(root)


def write(root: str, trial: dict[str, object]) -> None:
    """Raises `OSError`, also where the disk took only a part of it, and nothing has changed then."""
    fresh = os.path.join(root, "trial.new")
    fill(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, json.dumps(trial).encode())
    os.replace(fresh, os.path.join(root, "trial.json"))
    synced(root)


def fill(path: str, flags: int, data: bytes) -> None:
    descriptor = os.open(path, flags, 0o644)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError("the disk took only a part")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(root: str) -> dict[str, object] | None:
    """None where there is no trial, or nothing that makes sense of one: what runs then is what the pointer says."""
    try:
        with open(os.path.join(root, "trial.json"), "rb") as file:
            trial = json.load(file)
        kinds = {name: type(value) for name, value in trial.items()}
    except (OSError, ValueError, AttributeError):
        return None
    # More than these is taken: versions yet to come may keep more there, and no update replaces this launcher.
    return trial if {"new": str, "old": str, "boots": int}.items() <= kinds.items() else None


def current(root: str) -> str:
    return os.path.basename(os.readlink(os.path.join(root, "current")))


def whole(root: str) -> list[str]:
    """The versions that are all there, by their marks (`agent.software.slots`): in front the last that was committed,
    then the one that was made first. That one has been in service, the newest may never have been."""
    slots, made = os.path.join(root, "slots"), []
    committed = kept(root)
    try:
        for version in os.listdir(slots):
            mark = os.path.join(slots, version, ".whole")
            if os.path.exists(mark):
                made.append((version != committed, os.stat(mark).st_mtime, version))
    except OSError:
        pass
    return [version for _, _, version in sorted(made)]


def loaded(root: str, name: str) -> dict[str, object]:
    """Empty where there is nothing that can be read."""
    try:
        with open(os.path.join(root, name), "rb") as file:
            read = json.load(file)
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def kept(root: str, what: str = "release") -> str:
    """The last version that was committed, as the update's own record has it; empty where that can't be read."""
    release = loaded(root, "update.json").get(what)
    return str(release.get("version", "")) if isinstance(release, dict) else ""


def spare(root: str, version: str) -> str:
    """The one to start instead of `version`: the one kept to go back to, else another that is whole. Not the one that
    an update has only just brought: it has never been in service."""
    there, target = whole(root), kept(root, "target")
    previous = loaded(root, "update.json").get("previous")
    others = [other for other in there if other == previous]
    others += [other for other in there if other != target or target == kept(root)]
    return next((other for other in others if other != version), "")


def mended(root: str) -> str:
    """What the pointer names; where that is no slot, it is made to name one that is whole."""
    try:
        version = current(root)
    except OSError:
        version = ""
    if version and os.path.isdir(os.path.join(root, "slots", version)):
        return version
    if not (there := whole(root)):
        return version
    try:
        point(root, there[0])
    except OSError:
        pass
    return there[0]


def choose(root: str, machine: str = "", now: float = 0) -> tuple[str, bool]:
    """The version to start, and whether it is on trial. What cannot be counted is not started: the old one is.

    `machine`: the machine's boot, `now`: seconds since then.
    """
    trial = read(root)
    if trial is None:
        return lasting(root, mended(root), machine, now), False
    old, boots = str(trial["old"]), int(str(trial["boots"]))
    try:
        if boots >= BOOTS:
            if current(root) == trial["new"]:
                point(root, old)
            return lasting(root, current(root), machine, now), False
        write(root, {**trial, "boots": boots + 1})
        chosen = current(root)
    except OSError:
        return old, False
    return chosen, chosen == trial["new"]


def lasting(root: str, version: str, machine: str, now: float) -> str:
    """`version`, or the one before it where this one has died too often. Where that can't be counted it is started."""
    last = loaded(root, "starts.json")
    known = last.get("machine") == machine
    deaths, fell = last.get("deaths"), last.get("fell")
    again = known and last.get("version") == version and recent(last.get("at"), now, QUICK_S)
    count = deaths + 1 if again and isinstance(deaths, int) else 0
    told = last.get("falls")
    falls = [at for at in told if recent(at, now, FALLS_S)] if known and isinstance(told, list) else []
    start = {
        "machine": machine, "version": version, "at": now, "deaths": count, "falls": falls,
        "fell": fell if isinstance(fell, dict) and fell.get("to") == version else None,
    }  # fmt: skip
    other = spare(root, version) if count >= DEATHS and len(falls) < FALLS else ""
    if other:
        note = {"version": version, "to": other, "deaths": count, "id": f"{machine} {now}"}
        give_room(root, RESERVES[1])
        start |= {"version": other, "deaths": 0, "falls": [*falls, now], "fell": note}
    try:
        note_start(root, start)  # before anything moves
        if other:
            point(root, other)
    except OSError:
        return version
    return other or version


def recent(at: object, now: float, within_s: float) -> bool:
    return isinstance(at, int | float) and 0 <= now - at < within_s


def note_start(root: str, start: dict[str, object]) -> None:
    """Raises `OSError`: nothing of it is known then, or what was."""
    path, fresh = os.path.join(root, "starts.json"), os.path.join(root, "starts.new")
    data = json.dumps(start).encode().ljust(_STARTS_BYTES)
    try:
        fill(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, data)
        os.replace(fresh, path)
        synced(root)
    except OSError:
        fill(path, os.O_WRONLY, data)


def give_room(root: str, reserve: str) -> None:
    """Where the disk is full: an agent that can keep nothing does not start, and can't say why."""
    try:
        disk = os.statvfs(root)
        if disk.f_bavail * disk.f_frsize < FULL:
            os.unlink(os.path.join(root, reserve))
    except OSError:
        pass


def boot_of_machine() -> str:
    """The kernel's name for it, and when the first process began: that alone tells the boots of a container apart."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            kernel = file.read().strip()
        with open("/proc/1/stat", encoding="ascii", errors="replace") as file:
            first = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{kernel} {first}"


def start(root: str, version: str, arguments: list[str]) -> None:
    """Does not return where it works."""
    program = os.path.join(root, "slots", version, "bin", "python")
    try:
        os.execv(program, [program, *arguments])
    except OSError as error:
        sys.stderr.write(f"{program}: {error}\n")


def main(root: str, arguments: list[str], within_s: int = WITHIN_S) -> None:
    # Nothing but what is in the slot: neither the folder that this was started in, nor a path that somebody has set.
    os.environ.pop("PYTHONPATH", None)
    os.environ["PYTHONSAFEPATH"] = "1"
    version, on_trial = choose(root, boot_of_machine(), round(time.clock_gettime(time.CLOCK_BOOTTIME), 3))
    if on_trial:
        signal.alarm(within_s)
    else:
        give_room(root, RESERVES[0])
    start(root, version, arguments)
    signal.alarm(0)
    trial = read(root)
    for other in ([str(trial["old"])] if trial else []) + whole(root):
        start(root, other, arguments)
    sys.exit(f"nothing to start in {root}")


if __name__ == "__main__":
    given = os.environ.get("BALISE_TRIAL_S", "")
    main(sys.argv[1], sys.argv[2:], int(given) if given.isdecimal() else WITHIN_S)
