"""Which wheels of a release for several machines a terminal takes."""

import platform
import sys

import pytest

from agent.software.fitting import Unfit, fitting
from wire.software import SoftwareManifest, Wheel

HERE = f"cp{sys.version_info.major}{sys.version_info.minor}"
MACHINE = platform.machine()


def release(*names):
    wheels = tuple(Wheel(name=name, sha256=f"{number:064x}", size=1) for number, name in enumerate(names))
    return SoftwareManifest(version="2", python=">=3.11", files=wheels)


def taken(*names):
    return [wheel.name for wheel in fitting(release(*names))]


def test_of_several_machines_and_pythons_this_one_takes_its_own():
    ours = f"core-1.0-{HERE}-{HERE}-manylinux2014_{MACHINE}.whl"
    others = ("core-1.0-cp27-cp27m-manylinux2014_x86_64.whl", f"core-1.0-{HERE}-{HERE}-win_amd64.whl")
    assert taken(*others, ours, "pure-2-py3-none-any.whl") == [ours, "pure-2-py3-none-any.whl"]


def test_of_two_that_fit_the_closer_one():
    close, loose = f"core-1.0-{HERE}-{HERE}-manylinux2014_{MACHINE}.whl", "core-1.0-py3-none-any.whl"
    assert taken(loose, close) == taken(close, loose) == [close]


@pytest.mark.parametrize("name", [f"core-1.0-{HERE}-{HERE}-win_amd64.whl", "core.whl"])
def test_what_has_no_wheel_for_this_machine_is_refused_for_good(name):
    with pytest.raises(Unfit) as refused:
        taken("pure-2-py3-none-any.whl", name)
    assert "core" in str(refused.value)
