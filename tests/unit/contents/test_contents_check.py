"""Each fault of a pack is told by file, line, problem and remedy; a pack without fault says nothing."""

from datetime import date

import pytest

from fleet_server.contents.build import Unfit, build
from fleet_server.contents.check import checked
from tests.back_office import Clock
from tests.packs import FILES, change, write_pack

TODAY = date(2026, 11, 24)
# (file, what is there, what is written instead, what check says)
FAULTS = {
    "a commune that does not exist": (
        "acteurs/phare.yml", 'commune: "53130"', 'commune: "75056"',
        "acteurs/phare.yml:11: la commune 75056 n’est pas des Pays de la Loire. Voyez territoire/communes.json.",
    ),
    "an area of no commune of ours": (
        "acteurs/phare.yml", 'area: {communes: ["53130"]}', 'area: {communes: ["53130", "29019"]}',
        "acteurs/phare.yml:9: la commune 29019 n’est pas des Pays de la Loire. Voyez territoire/communes.json.",
    ),
    "an area told twice": (
        "acteurs/phare.yml", 'area: {communes: ["53130"]}', 'area: {communes: ["53130"], region: true}',
        "acteurs/phare.yml:9: le territoire est dit 2 fois. "
        "Écrivez « region », « departments » ou « communes », un seul.",
    ),
    "a source without address": (
        "acteurs/phare.yml", "  url: https://example.org/phare\n", "",
        "acteurs/phare.yml:12: « source › url » manque. Ajoutez-le.",
    ),
    "a link that is none": (
        "acteurs/phare.yml", "https://example.org/phare", "example",
        "acteurs/phare.yml:14: « source › url » vaut 'example', ce qui ne convient pas "
        "(Input should be a valid URL, relative URL without a base). Corrigez la valeur.",
    ),
    "a check in the future": (
        "acteurs/phare.yml", "2026-11-01", "2026-12-01",
        "acteurs/phare.yml:15: la date de vérification est à venir. Écrivez le jour de la vérification.",
    ),
    "a misspelt name": (
        "acteurs/phare.yml", "free: true", "free: true\ngratuit: true",
        "acteurs/phare.yml:9: « gratuit » n’est pas un nom connu ici. Vérifiez l’orthographe, ou retirez-le.",
    ),
    "a text left empty": (
        "texts.yml", "fr: Bonjour", 'fr: ""',
        "texts.yml:2: « home.title › fr » est vide. Écrivez le texte, ou retirez la ligne.",
    ),
    "a text without French": (
        "texts.yml", "  fr: J’ai fini\n", "",
        "texts.yml:4: « dock.end › fr » manque. Ajoutez-le.",
    ),
    "a key written twice": (
        "texts.yml", "dock.end:", "home.title:",
        "texts.yml:4: la clé « home.title » est écrite deux fois. Corrigez cette ligne.",
    ),
    "lists deeper than the process survives": (
        "contact.yml", "topics:", "deep: " + "[" * 100_000 + "\ntopics:",
        "contact.yml:1: plus de 40 niveaux l’un dans l’autre. Corrigez cette ligne.",
    ),
    "a few lines that stand for thousands of millions": (
        "texts.yml", "home.title:", "a: &a [x, x]\nb: &b [*a, *a]\nhome.title:",
        "texts.yml:2: un renvoi YAML (« * ») : le texte s’écrit en entier. Corrigez cette ligne.",
    ),
    "a key that is no word": (
        "texts.yml", "home.title:", "? [a, b]\n: {fr: x}\nhome.title:",
        "texts.yml:1: une clé est une liste ou un groupe, pas un mot. Corrigez cette ligne.",
    ),
    "a date that no calendar has": (
        "acteurs/phare.yml", "2026-11-01", "2026-13-01",
        "acteurs/phare.yml:1: une valeur ne se lit pas (month must be in 1..12). Corrigez cette ligne.",
    ),
    "YAML that is none": (
        "contact.yml", "times:\n", "times: [\n",
        "contact.yml:4: YAML illisible : did not find expected node content. Corrigez cette ligne.",
    ),
    "a section that no kiosk knows": (
        "pack.yml", "id: visites", "id: jeux",
        "pack.yml:14: « sections › 1 › id » vaut 'jeux'. Valeurs acceptées : 'metiers', 'formations', 'acteurs', "
        "'temoignages', 'visites', 'point' ou 'rappel'.",
    ),
    "a section told twice": (
        "pack.yml", "id: visites", "id: metiers",
        "pack.yml:14: « metiers » est là deux fois. Gardez-en un.",
    ),
    "nothing to see": (
        "pack.yml", "available: true", "available: false",
        "pack.yml:9: aucune section n’est disponible. Mettez « available: true » à l’une.",
    ),
    "a first language that is not French": (
        "pack.yml", "  - {code: fr, name: Français}\n  - {code: en, name: English}\n",
        "  - {code: en, name: English}\n  - {code: fr, name: Français}\n",
        "pack.yml:4: la première langue n’est pas fr. Le français vient d’abord.",
    ),
    "an occupation of no domain": (
        "metiers/domaines.yml", "- {code: B, title: {fr: Arts}}\n", "",
        "metiers/occupations.json:3: le domaine B n’existe pas. Ajoutez-le à domaines.yml.",
    ),
    "an occupation of no sector": (
        "metiers/occupations.json", '["1"]', '["77"]',
        "metiers/occupations.json:2: le secteur 77 n’existe pas. Voyez secteurs.json.",
    ),
    "an occupation told twice": (
        "metiers/occupations.json", "B1101", "A1101",
        "metiers/occupations.json:3: « A1101 » est là deux fois. Gardez-en un.",
    ),
    "a code that is no ROME code": (
        "metiers/occupations.json", "A1101", "Z1101",
        r"metiers/occupations.json:2: « 0 › rome » vaut 'Z1101'. Forme attendue : ^[A-N]\d{4}$.",
    ),
    "a commune told twice": (
        "territoire/communes.json", "49099", "53130",
        "territoire/communes.json:3: « 53130 » est là deux fois. Gardez-en un.",
    ),
    "a time the server does not know": (
        "contact.yml", "id: morning", "id: minuit",
        "contact.yml:4: « minuit » n’est pas connu du serveur. "
        "Valeurs acceptées : afternoon, any, evening, morning, noon.",
    ),
    "a topic told twice": (
        "contact.yml", "topics:\n", "topics:\n  - {id: metier, title: {fr: Bis, en: Again}}\n",
        "contact.yml:3: « metier » est là deux fois. Gardez-en un.",
    ),
    "a telephone number that is none": (
        "acteurs/phare.yml", "free: true", "free: true\nphone: '12'",
        "acteurs/phare.yml:9: « phone » vaut '12'. Forme attendue : "
        r"^(0\d( \d\d){4}|0800 \d{3} \d{3}|\d{2} \d{2}|39 \d{2})$.",
    ),
}  # fmt: skip
WARNINGS = {
    "an item out of date": (
        "acteurs/phare.yml", "certain: true", "certain: true\nexpires_on: 2026-11-23",
        "acteurs/phare.yml:17: « Le Phare » n’est plus à jour depuis le 23/11/2026. "
        "Vérifiez la source et la date ; d’ici là, la fiche est laissée de côté.",
    ),
    "a translation that is missing": (
        "texts.yml", "  en: Hello\n", "",
        "texts.yml:1: la traduction anglaise manque. Ajoutez « en: … ».",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_file_line_and_remedy_and_nothing_is_built(tmp_path, fault):
    file, there, instead, said = FAULTS[fault]
    pack = write_pack(tmp_path)
    change(pack, file, there, instead)
    found = checked(pack, TODAY)
    assert [str(problem) for problem in found.problems] == [said]
    assert found.grave
    with pytest.raises(Unfit):
        build(found, "2026.48", Clock()())


@pytest.mark.parametrize("warning", WARNINGS)
def test_a_warning_is_told_and_the_rest_is_built(tmp_path, warning):
    file, there, instead, said = WARNINGS[warning]
    pack = write_pack(tmp_path)
    change(pack, file, there, instead)
    found = checked(pack, TODAY)
    assert [str(problem) for problem in found.problems] == [said]
    assert not found.grave
    assert build(found, "2026.48", Clock()()).manifest.files


def test_a_pack_without_fault_says_nothing(tmp_path):
    assert checked(write_pack(tmp_path), TODAY).problems == []


@pytest.mark.parametrize("file", [name for name in FILES if not name.startswith("acteurs/")])
def test_a_file_that_is_missing_is_named(tmp_path, file):
    pack = write_pack(tmp_path)
    (pack / file).unlink()
    said = [str(problem) for problem in checked(pack, TODAY).grave]
    assert f"{file}:1: le fichier manque. Créez-le, ou vérifiez le dossier du paquet." in said


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path):
    pack = write_pack(tmp_path)
    (pack / "texts.yml").write_bytes(b"#" * (2 * 1024 * 1024 + 1))
    assert [str(one) for one in checked(pack, TODAY).problems] == ["texts.yml:1: plus de 2 Mo. Corrigez cette ligne."]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    pack = write_pack(tmp_path)
    (pack / "texts.yml").write_bytes("home.title: {fr: é}".encode("latin-1"))
    said = [str(one) for one in checked(pack, TODAY).problems]
    assert said == ["texts.yml:1: le fichier n’est pas en UTF-8. Corrigez cette ligne."]


def test_two_actors_of_one_name_are_told_apart_by_file(tmp_path):
    pack = write_pack(tmp_path)
    (pack / "acteurs/tour.yml").write_text(FILES["acteurs/phare.yml"])
    said = [str(one) for one in checked(pack, TODAY).problems]
    assert said == ["acteurs/tour.yml:1: l’identifiant « phare » est déjà celui de acteurs/phare.yml. Changez-en un."]


def test_a_text_that_the_kiosk_shows_must_be_there(tmp_path):
    pack, sources = write_pack(tmp_path / "pack"), tmp_path / "src"
    sources.mkdir()
    (sources / "home.tsx").write_text('t("home.title"); t("home.line")')
    said = [str(one) for one in checked(pack, TODAY, sources).problems]
    assert said == [
        "texts.yml:1: « home.line » manque, la borne l’affiche (home.tsx). Ajoutez « home.line: {fr: … } »."
    ]
