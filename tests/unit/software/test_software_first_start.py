"""What the first start in a fresh slot says of a version: refused for good, or only not tried."""

import errno
import shutil
import tempfile

import pytest

from agent.software.fitting import Unfit
from agent.software.install import Job, NotNow, make
from agent.software.slots import Slots
from agent.software.wheels import Wheels
from agent.trial_run import _temporary_folder
from tests.wheels import software_folder

FULL = f"OSError({errno.ENOSPC}, 'No space left on device')"


@pytest.fixture
def made(tmp_path):
    """Make the slot of a version whose `check` raises this."""

    def make_it(raised):
        files = {"agent/__init__.py": "", "agent/__main__.py": f"def check():\n    raise {raised}\n"}
        made = software_folder(tmp_path / "made", "2", files)
        wheels = Wheels(tmp_path / "software")
        wheels.prepare()
        wheels.keep_manifest(made.release.id, made.raw)
        for sha256, path in made.wheels.items():
            shutil.copy(path, wheels.path(sha256))
        make(Job(software=tmp_path / "software", target=made.release))

    return make_it


@pytest.mark.parametrize(
    "raised",
    [FULL, "TimeoutError('timed out')", "MemoryError()", f"ExceptionGroup('its loops', [{FULL}, TimeoutError()])"],
)
def test_what_the_machine_lacks_is_no_fault_of_the_version(made, tmp_path, raised):
    with pytest.raises(NotNow) as put_off:
        made(raised)
    assert put_off.value.kind != "rejected"
    assert raised.partition("(")[0] in str(put_off.value)
    assert not Slots(tmp_path / "software").whole("2")


@pytest.mark.parametrize(
    "raised",
    [
        "RuntimeError('its page answers 503')", f"FileNotFoundError({errno.ENOENT}, 'No such file', 'index.html')",
        f"ExceptionGroup('its loops', [{FULL}, ValueError('no number')])", "SystemExit(3)",
    ],
)  # fmt: skip
def test_what_the_version_lacks_is_refused_for_good(made, raised):
    with pytest.raises(Unfit, match="it can't be started"):
        made(raised)


def test_no_room_for_a_temporary_folder_is_a_full_disk(monkeypatch, tmp_path):
    """`tempfile` itself says then that it finds no such file."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    with pytest.raises(OSError) as full:
        _temporary_folder()
    assert full.value.errno == errno.ENOSPC
