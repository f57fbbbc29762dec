"""A pack out of a .zip: what people make is taken, what would harm is refused before anything of it is kept."""

import io
import stat
import struct
import zipfile

import pytest

from fleet_server.contents import zipped
from fleet_server.contents.zipped import NotAPack, unpack
from tests.packs import FILES


def zip_of(files, compression=zipfile.ZIP_DEFLATED):
    """`files`: name, or a whole `ZipInfo`, → content."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made


def link(name, to="/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return {info: to}


@pytest.fixture
def into(tmp_path):
    return tmp_path / "pack"


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("top", ["", "pays-de-la-loire/"])
def test_a_pack_is_found_at_the_top_or_in_the_one_folder_that_was_zipped(into, top):
    into.mkdir()
    by_a_mac = {"__MACOSX/._pack.yml": "x", f"{top}.DS_Store": "x"}
    root = unpack(zip_of({f"{top}{name}": text for name, text in FILES.items()} | by_a_mac), into)
    assert files_in(root) == FILES


@pytest.mark.parametrize("name", [
    "../pack.yml", "acteurs/../../pack.yml", "/etc/cron.d/x", "C:/x.yml", "acteurs\\..\\x.yml", "a//b.yml", "./x.yml",
    "a\nb.yml", "/".join("abcdefghijkl"), "x" * 300,
])  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused_and_nothing_is_written(into, name):
    into.mkdir()
    with pytest.raises(NotAPack, match="chemin interdit"):
        unpack(zip_of(FILES | {name: "x"}), into)
    assert files_in(into.parent) == {}


def test_a_link_is_refused(into):
    into.mkdir()
    with pytest.raises(NotAPack, match="chemin interdit"):
        unpack(zip_of(FILES | link("acteurs/x.yml")), into)


def test_a_bomb_is_stopped_by_what_comes_out_of_it(into, monkeypatch):
    monkeypatch.setattr(zipped, "MOST_UNPACKED", 3_000_000)
    into.mkdir()
    bomb = zip_of(FILES | {"media/a.bin": b"\0" * 2_000_000, "media/b.bin": b"\0" * 2_000_000})
    assert len(bomb.getvalue()) < 20_000
    with pytest.raises(NotAPack, match="dépasse 3 Mo"):
        unpack(bomb, into)


def test_a_size_that_lies_gains_nothing(into, monkeypatch):
    monkeypatch.setattr(zipped, "MOST_UNPACKED", 1_000_000)
    into.mkdir()
    body = bytearray(zip_of(FILES | {"media/a.bin": b"\0" * 2_000_000}).getvalue())
    true = struct.pack("<I", 2_000_000)
    while true in body:
        at = body.find(true)
        body[at : at + 4] = struct.pack("<I", 10)
    with pytest.raises(NotAPack):
        unpack(io.BytesIO(bytes(body)), into)
    assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) < 1_000_000


@pytest.mark.parametrize(("files", "said"), [
    ({f"acteurs/{number}.yml": "" for number in range(60)}, "60 fichiers"),
    ({"x/pack.yml": "", "y/pack.yml": ""}, "pas de pack.yml"),
    ({"acteurs": "a file", "acteurs/x.yml": "and a folder"}, "à la fois un fichier et un dossier"),
    ({}, "pas de pack.yml"),
])  # fmt: skip
def test_what_is_no_pack_is_said_to_be_none(into, monkeypatch, files, said):
    monkeypatch.setattr(zipped, "MOST_FILES", 50)
    into.mkdir()
    with pytest.raises(NotAPack, match=said):
        unpack(zip_of(files), into)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(into):
    into.mkdir()
    made = zip_of(FILES)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("pack.yml", "another")
    with pytest.raises(NotAPack, match=r"deux fois pack\.yml"):
        unpack(made, into)


def test_a_list_too_long_to_be_read_into_memory_is_not_read(into, monkeypatch):
    monkeypatch.setattr(zipped, "_DIRECTORY_BYTES", 300)
    with pytest.raises(NotAPack, match=r"pas un \.zip lisible"):
        unpack(zip_of(FILES), into)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    hidden = bytearray(zip_of(FILES).getvalue())  # its true length is in the 64-bit record, which Python prefers
    at = hidden.rfind(b"PK\5\6")
    hidden[at + 12 : at + 16] = struct.pack("<I", 200)
    with pytest.raises(NotAPack, match=r"pas un \.zip lisible"):
        unpack(io.BytesIO(bytes(hidden)), into)


def garbled(body):
    half = len(body) // 2
    return body[:40] + bytes(byte ^ 0xFF for byte in body[40:half]) + body[half:]


@pytest.mark.parametrize("spoil", [
    garbled, lambda body: body[: len(body) // 2], lambda body: b"",
    lambda body: b"%PDF-1.7 not a zip", lambda body: b"PK\5\6",
], ids=["garbled", "cut", "empty", "pdf", "signature"])  # fmt: skip
def test_what_is_not_a_readable_zip_is_one_sentence(into, spoil):
    into.mkdir()
    with pytest.raises(NotAPack, match=r"pas un \.zip lisible"):
        unpack(io.BytesIO(spoil(zip_of(FILES).getvalue())), into)


def test_a_compression_seldom_used_and_a_password_are_named(into):
    into.mkdir()
    with pytest.raises(NotAPack, match="format ordinaire"):
        unpack(zip_of(FILES, zipfile.ZIP_LZMA), into)
    body = bytearray(zip_of(FILES).getvalue())
    at = body.find(b"PK\1\2")
    body[at + 8] |= 1
    with pytest.raises(NotAPack, match="mot de passe"):
        unpack(io.BytesIO(bytes(body)), into)


def test_a_file_beyond_what_is_taken_is_refused_by_its_length(into, monkeypatch):
    monkeypatch.setattr(zipped, "MOST_ZIPPED", 1_000)
    with pytest.raises(NotAPack, match="dépasse"):
        unpack(zip_of(FILES), into)
