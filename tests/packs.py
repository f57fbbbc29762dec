"""A small pack on disk, whole and without a fault, for tests to break in one place."""

import io
import zipfile
from pathlib import Path

FILES = {
    "pack.yml": """\
format: 1
id: essai
languages:
  - {code: fr, name: Français}
  - {code: en, name: English}
attract:
  title: {fr: Bonjour, en: Hello}
  line: {fr: Touchez, en: Touch}
sections:
  - id: metiers
    available: true
    title: {fr: Métiers, en: Jobs}
    line: {fr: Des idées, en: Ideas}
  - id: visites
    available: false
    title: {fr: Visites, en: Visits}
    line: {fr: À venir, en: Soon}
""",
    "texts.yml": """\
home.title:
  fr: Bonjour
  en: Hello
dock.end:
  fr: J’ai fini
  en: I have finished
""",
    "metiers/domaines.yml": "- {code: A, title: {fr: Agriculture}}\n- {code: B, title: {fr: Arts}}\n",
    "metiers/occupations.json": """\
[
{"rome":"A1101","label":"Conducteur d’engins","sectors":["1"]},
{"rome":"B1101","label":"Créateur","sectors":[]}
]
""",
    "metiers/secteurs.json": '[\n{"naf":"1","label":"Culture"}\n]\n',
    "territoire/communes.json": """\
[
{"code":"53130","name":"Laval","department":"53","postcodes":["53000"],"population":49000},
{"code":"49099","name":"Cholet","department":"49","postcodes":["49300"],"population":54000}
]
""",
    "territoire/epci.json": """\
[
{"siren":"200083392","name":"Laval Agglomération","type":"CA","population":110000,"communes":["53130"]}
]
""",
    "contact.yml": """\
topics:
  - {id: metier, title: {fr: Un métier, en: A job}}
times:
  - {id: morning, title: {fr: Le matin, en: In the morning}}
channels:
  - {id: phone, title: {fr: Par téléphone, en: By phone}}
consent:
  version: "2026-11"
  text: {fr: J’accepte, en: I agree}
  notice: {fr: Vos réponses, en: Your answers}
""",
    "sources.yml": """\
- files: [metiers/occupations.json]
  title: ROME
  url: https://example.org/rome
  licence: Licence Ouverte 2.0
""",
    "acteurs/phare.yml": """\
id: phare
name: Le Phare
kind: orientation
summary: {fr: Conseille, en: Advises}
offers:
  - {fr: Un entretien, en: A talk}
publics: [tous]
free: true
area: {communes: ["53130"]}
places:
  - {name: Maison du Phare, commune: "53130"}
source:
  title: Un journal
  url: https://example.org/phare
checked_on: 2026-11-01
certain: true
""",
}


def write_pack(root: Path, **changed: tuple[str, str]) -> Path:
    """The pack in `root`. `changed`: file (dots and slashes as `__`) → (what is written there, what instead)."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, (there, instead) in changed.items():
        change(root, name, there, instead)
    return root


def change(root: Path, file: str, there: str, instead: str) -> None:
    path = root / file
    text = path.read_text()
    assert text.count(there) >= 1, f"{there!r} is not in {file}"
    path.write_text(text.replace(there, instead, 1))


def zip_of(root: Path) -> bytes:
    """The folder, zipped as a person does."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root.parent))
    return made.getvalue()
