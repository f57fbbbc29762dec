"""A real agent updated from slots by the real launcher and a real server: in the end a version runs that works."""

import shutil

import pytest

from agent.software import launcher
from fleet_server.software.folder import seal
from tests.fleet import Fleet, eventually
from tests.launched import Launched, Versions
from tests.wheels import wheel


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    return Versions(tmp_path_factory.mktemp("versions"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def good(fleet, versions):
    return fleet.publish_software(versions.plain("2"))


@pytest.fixture
def laval(fleet, versions):
    with Launched(fleet, fleet.add("Laval"), versions.plain("1")) as terminal:
        assert terminal.reported("1")["software_state"]["phase"] == "idle"
        yield terminal


def test_a_version_that_is_well_stays_and_says_since_which_boot(fleet, laval, good):
    before = laval.report()["boot"]
    fleet.want_software(good, laval.kiosk)
    report = laval.reported("2", "committed")
    state = report["software_state"]
    assert (state["release"]["id"], state["previous"]) == (good.id, "1")
    assert state["committed_boot"] == report["boot"] != before
    assert laval.slots() == {"1", "2"}, "the one before is kept"
    assert not (laval.root / "wheels").exists()
    chain = ["downloading", "installing", "restarting", "verifying", "committed"]
    eventually(lambda: laval.told() == chain, what=f"its history tells {chain}, not {laval.told()}")


def test_of_a_release_for_several_machines_it_brings_and_installs_its_own_wheels(fleet, laval, versions, tmp_path):
    def extra(text):
        return wheel(tmp_path, "extra", "1", {"extra.py": text})

    wheels = tmp_path / "release" / "wheels"
    wheels.mkdir(parents=True)
    for path in (*versions.changed("several", {}).wheels.values(), extra("WHOSE = 'any'\n")):
        shutil.copy(path, wheels)
    for tags in ("cp27-cp27m-manylinux2014_x86_64", "cp311-cp311-win_amd64", "cp313-cp313-manylinux2014_aarch64"):
        shutil.copy(extra(f"WHOSE = {tags!r}\n"), wheels / f"extra-1-{tags}.whl")
    release = fleet.publish_software(seal(wheels.parent, "several", ">=3.11"))
    fleet.want_software(release, laval.kiosk)
    laval.reported("several", "committed")
    (installed,) = (laval.root / "slots" / "several").glob("lib/*/site-packages/extra.py")
    assert installed.read_text() == "WHOSE = 'any'\n"


@pytest.mark.parametrize("phase", ["downloading", "installing", "restarting", "verifying"])
def test_killed_in_any_phase_it_goes_on(fleet, laval, good, phase):
    fleet.want_software(good, laval.kiosk)
    eventually(lambda: laval.phase() == phase, every_s=0.002, what=phase)
    laval.kill()
    assert laval.reported("2", "committed")["software_state"]["previous"] == "1"


BAD = {
    "dies-at-once": (8, "raise SystemExit(3)"),
    "dies-soon": (8, "import threading, os\nthreading.Timer(1, os._exit, [1]).start()"),
    "hangs": (4, "import time\ntime.sleep(3600)"),
    "never-links": (9, "import agent.link\nagent.link.Link.online = property(lambda self: False)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_version_that_is_not_well_goes_and_the_one_before_runs(fleet, versions, name):
    alarm_s, code = BAD[name]
    release = fleet.publish_software(versions.beginning(name, code))
    with Launched(fleet, fleet.add("Laval"), versions.plain("1"), alarm_s) as laval:
        laval.reported("1")
        fleet.want_software(release, laval.kiosk)
        state = laval.reported("1", "rolled_back")["software_state"]
        assert state["target"]["version"] == name
        assert state["reason"]
        assert state["previous"] is None, "none was kept beside the first one"
        eventually(lambda: laval.told()[-1:] == ["rolled_back"], what="its history tells so")


KEPT = """
import os, pathlib
state = pathlib.Path(os.environ["BALISE_AGENT_STATE_DIR"])
"""
DIES_LATER = {
    "a-crash": KEPT + "if (state / 'dies').exists():\n    raise SystemExit(3)",
    "no-libraries": "",
}


@pytest.mark.parametrize("name", DIES_LATER)
def test_a_version_that_dies_after_it_was_kept_goes_and_the_one_before_runs(fleet, versions, name):
    release = fleet.publish_software(versions.beginning(name, DIES_LATER[name]))
    with Launched(fleet, fleet.add("Laval"), versions.plain("1")) as laval:
        laval.reported("1")
        fleet.want_software(release, laval.kiosk)
        laval.reported(name, "committed")
        if name == "a-crash":
            (laval.kiosk.state_dir / "dies").touch()
        else:
            for library in (laval.root / "slots" / name).glob("lib/*/site-packages/*.pth"):
                library.unlink()
        laval.kill()
        state = laval.reported("1", "rolled_back")["software_state"]
        assert state["reason"] == f"{name} died 5 times soon after its start"
        assert (state["release"], state["previous"], state["target"]["version"]) == (None, name, name)
        eventually(lambda: laval.told()[-1:] == ["rolled_back"], what="its history tells so")


FILLS = """
import os, pathlib
with pathlib.Path(os.environ["BALISE_AGENT_STATE_DIR"], "rubbish").open("ab", buffering=0) as file:
    for size in (2**20, 4096, 1):
        try:
            while True:
                file.write(bytes(size))
        except OSError:
            pass
raise SystemExit(1)
"""


@pytest.mark.parametrize("when", ["in its trial", "after it was kept"])
def test_a_version_that_fills_the_disk_leaves_room_for_the_one_before(fleet, versions, when):
    """Not a byte is free: the version before starts, tells so, and makes its reserve anew once there is room."""
    code = FILLS
    if when == "after it was kept":
        lines = "".join(f"    {line}\n" for line in FILLS.splitlines())
        code = f"{KEPT}if (state / 'dies').exists():\n{lines}"
    release = fleet.publish_software(versions.beginning(f"fills-{when.replace(' ', '-')}", code))
    kiosk = fleet.add("Laval")
    with Launched(fleet, kiosk, versions.plain("1"), disk="420m", request_bytes=2**18) as laval:
        laval.reported("1")
        reserves = [laval.root / name for name in launcher.RESERVES]
        eventually(lambda: all(path.exists() for path in reserves), what="disk is reserved")
        fleet.want_software(release, kiosk)
        if when == "after it was kept":
            laval.reported(release.version, "committed")
            (laval.state / "dies").touch()
            laval.kill()
        state = laval.reported("1", "rolled_back")["software_state"]
        assert state["reason"]
        assert (laval.state / "rubbish").stat().st_size > 2**26
        eventually(lambda: laval.told()[-1:] == ["rolled_back"], what="its outbox takes events")
        assert not reserves[0].exists()
        (laval.state / "rubbish").unlink()
        laval.kill()
        eventually(lambda: all(path.exists() for path in reserves), what="disk is reserved again")


def test_one_that_has_gone_is_tried_again_only_when_asked_for_again(fleet, versions):
    release = fleet.publish_software(versions.beginning("gone", "raise SystemExit(3)"))
    with Launched(fleet, fleet.add("Laval"), versions.plain("1")) as laval:
        laval.reported("1")
        fleet.want_software(release, laval.kiosk)
        before = laval.reported("1", "rolled_back")
        fleet.set(host_phone="02 41 00 00 00")
        report = eventually(lambda: (now := laval.report())["revision"] > before["revision"] and now, what="it is set")
        assert report["boot"] == before["boot"]
        assert laval.told().count("downloading") == 1
        fleet.want_software(release, laval.kiosk)
        eventually(lambda: laval.told().count("rolled_back") == 2, 90, what="it was tried again")
        assert laval.told().count("verifying") == 2
        assert laval.reported("1", "rolled_back")["software_state"]["revision"] > report["revision"]


OTHER_SETTINGS = """
class AgentSettings: ...
class WrongSettings(ValueError): ...
def read_settings():
    raise WrongSettings("BALISE_AGENT_PORT is no longer one")
"""
UNFIT = {
    "no-such-python": ({}, ">=4", "it needs Python >=4"),
    "unreadable": ({"agent/__main__.py": "import nothing_of_that_name\n"}, ">=3.11", "nothing_of_that_name"),
    "its-root-is-broken": ({"agent/app.py": "import nothing_of_that_name\n"}, ">=3.11", "nothing_of_that_name"),
    "no-next-version": ({"agent/software/install.py": "1 / 0\n"}, ">=3.11", "ZeroDivisionError"),
    "no-page": ({"agent/ui/index.html": None}, ">=3.11", "its page answers 503"),
    "other-settings": ({"agent/settings.py": OTHER_SETTINGS}, ">=3.11", "WrongSettings: BALISE_AGENT_PORT"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_run_here_is_refused_before_the_screen_goes_dark(fleet, versions, laval, name):
    changes, python, why = UNFIT[name]
    boot = laval.report()["boot"]
    fleet.want_software(fleet.publish_software(versions.changed(name, changes, python)), laval.kiosk)
    report = laval.reported("1", "failed")
    assert why in report["software_state"]["reason"]
    assert report["software_state"]["rejected"]
    assert report["boot"] == boot
