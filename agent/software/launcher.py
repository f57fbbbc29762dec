"""What systemd starts: counts the boot of a version on trial, goes back to the one before when it has had its chances.

Of the standard library alone, and installed beside the slots: no update replaces it.

    <root>/slots/<version>/bin/python     one environment a version
    <root>/current -> slots/<version>     the pointer
    <root>/trial.json                     {"new", "old", "boots"} while `new` has not been committed

A version on trial also starts with an alarm set, which outlives `exec`: the kernel ends a process that has not
committed in time and so cannot disarm it, even one that hangs.

Where the pointer names nothing that can be started (a damaged file system), another slot that is whole is.
"""

import json
import os
import signal
import sys

BOOTS = 3
WITHIN_S = 20 * 60
"""Longer than the health gate's 15 minutes: a version that can still judge itself does so first."""


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
    data, fresh = json.dumps(trial).encode(), os.path.join(root, "trial.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError("the disk took only a part")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(fresh, os.path.join(root, "trial.json"))
    synced(root)


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


def kept(root: str) -> str:
    """The last version that was committed, as the update's own record has it; empty where that can't be read."""
    try:
        with open(os.path.join(root, "update.json"), "rb") as file:
            return str(json.load(file)["release"]["version"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""


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


def choose(root: str) -> tuple[str, bool]:
    """The version to start, and whether it is on trial. What cannot be counted is not started: the old one is."""
    trial = read(root)
    if trial is None:
        return mended(root), False
    old, boots = str(trial["old"]), int(str(trial["boots"]))
    try:
        if boots >= BOOTS:
            if current(root) != old:
                point(root, old)
            return old, False
        write(root, {**trial, "boots": boots + 1})
        chosen = current(root)
    except OSError:
        return old, False
    return chosen, chosen == trial["new"]


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
    version, on_trial = choose(root)
    if on_trial:
        signal.alarm(within_s)
    start(root, version, arguments)
    signal.alarm(0)
    trial = read(root)
    for other in ([str(trial["old"])] if trial else []) + whole(root):
        start(root, other, arguments)
    sys.exit(f"nothing to start in {root}")


if __name__ == "__main__":
    given = os.environ.get("BALISE_TRIAL_S", "")
    main(sys.argv[1], sys.argv[2:], int(given) if given.isdecimal() else WITHIN_S)
