"""A software release in a folder: the same wheels are the same release, and nothing else passes for it."""

import pytest

from fleet_server.software import folder as folders
from fleet_server.software.build import NotMade, build, needed_python
from fleet_server.software.folder import BadFolder, read, seal
from tests.wheels import software_folder, wheel


def test_the_same_wheels_are_the_same_release_wherever_they_are_made(tmp_path):
    first = software_folder(tmp_path / "a", "1.2.0", {"agent/__init__.py": "pass"})
    again = software_folder(tmp_path / "b", "1.2.0", {"agent/__init__.py": "pass"})
    other = software_folder(tmp_path / "c", "1.2.0", {"agent/__init__.py": "1 / 0"})
    assert first.release == again.release
    assert first.release.version == other.release.version
    assert first.release.id != other.release.id
    assert read(tmp_path / "a") == first
    assert first.size == sum(path.stat().st_size for path in first.wheels.values())


def damage(folder, what):
    path = next((folder / "wheels").glob("*.whl"))
    manifest = folder / "software" / "1.2.0.json"
    match what:
        case "a wheel that lacks":
            path.unlink()
        case "a wheel that changed":
            path.write_bytes(path.read_bytes()[::-1])
        case "a wheel that grew":
            path.write_bytes(path.read_bytes() + b"more")
        case "another name":
            manifest.rename(folder / "software" / "1.3.0.json")
        case "two versions":
            (folder / "software" / "1.3.0.json").write_bytes(manifest.read_bytes())
        case "no JSON":
            manifest.write_text("{")
        case "a manifest without end":
            manifest.write_bytes(manifest.read_bytes() + b" " * 2**20)
        case "a path for a name":
            manifest.write_text(manifest.read_text().replace(path.name, f"../{path.name}"))


@pytest.mark.parametrize(("what", "said"), [
    ("a wheel that lacks", "Il manque"),
    ("a wheel that changed", "n’est plus celui que nomme le manifeste"),
    ("a wheel that grew", "n’est plus celui que nomme le manifeste"),
    ("another name", "parle de la version 1.2.0"),
    ("two versions", "n’est pas le dossier d’une version"),
    ("no JSON", "ne convient pas"),
    ("a manifest without end", "trop gros"),
    ("a path for a name", "ne convient pas"),
])  # fmt: skip
def test_what_terminals_would_refuse_is_refused_in_a_sentence(tmp_path, what, said):
    software_folder(tmp_path, "1.2.0")
    damage(tmp_path, what)
    with pytest.raises(BadFolder, match=said):
        read(tmp_path)


def test_what_cannot_be_a_release_is_not_made_one(tmp_path, monkeypatch):
    with pytest.raises(BadFolder, match="aucune roue"):
        seal(tmp_path, "1.2.0")
    wheel(tmp_path / "wheels", "balise", "1.0", {"agent/__init__.py": ""})
    with pytest.raises(BadFolder, match=r"« \.\./1 » ne convient pas"):
        seal(tmp_path, "../1")
    (tmp_path / "wheels" / "empty-1-py3-none-any.whl").touch()
    with pytest.raises(BadFolder, match="vide"):
        seal(tmp_path, "1.2.0")
    (tmp_path / "wheels" / "empty-1-py3-none-any.whl").unlink()
    monkeypatch.setattr(folders, "MAX_RELEASE_BYTES", 100)
    with pytest.raises(BadFolder, match="trop grosses"):
        seal(tmp_path, "1.2.0")


@pytest.mark.parametrize(("names", "asked", "needed"), [
    (["a-1-py3-none-any", "b-1-cp311-abi3-manylinux_2_17_x86_64"], [(3, 11)], ">=3.11"),
    (["a-1-py3-none-any", "b-1-cp311-cp311-manylinux_2_17_x86_64"], [(3, 11)], ">=3.11,<3.12"),
    (["b-1-cp311-cp311-any", "b-1-cp312-cp312-any"], [(3, 11), (3, 12)], ">=3.11,<3.13"),
])  # fmt: skip
def test_a_release_says_on_which_python_its_wheels_run(tmp_path, names, asked, needed):
    for name in names:
        (tmp_path / f"{name}.whl").touch()
    assert needed_python(tmp_path, asked) == needed


@pytest.mark.parametrize(("options", "said"), [
    ({"pythons": ["3.10"]}, "trop ancien"),
    ({"pythons": ["onze"]}, "pas une version de Python"),
    ({"pythons": ["3.11"]}, "La page de la borne n’est pas construite"),
])  # fmt: skip
def test_what_cannot_be_made_leaves_no_folder(tmp_path, options, said):
    with pytest.raises(NotMade, match=said):
        build(tmp_path / "nowhere", tmp_path / "made", "1.2.0", **options)
    assert not (tmp_path / "made").exists()
