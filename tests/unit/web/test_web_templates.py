"""What templates use must exist once the assets are built: icons, shapes, classes of Tabler; and stay light."""

import gzip
import re
from pathlib import Path

import pytest

from fleet_server.web import pages, static, vocabulary

ROOT = Path(__file__).parents[3] / "fleet_server"
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))
TABLER = static.ASSETS / "node_modules/@tabler/core/dist/css/tabler.min.css"


def classes_in(css: str) -> set[str]:
    return set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"url\([^)]*\)", "", css)))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_tabler_class_a_template_uses_is_kept_by_the_cut(template):
    source = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", template.read_text(), flags=re.S)
    used = {word for found in re.findall(r'class="([^"]*)"', source) for word in re.findall(r"[\w-]+", found)}
    lost = used & classes_in(TABLER.read_text()) - classes_in(static.files()["vendor/tabler.min.css"].read_text())
    ours = classes_in((static.ASSETS / "theme.css").read_text())
    assert not lost - ours, f"name them in {static.ASSETS / 'tabler-kept.txt'}, then build: {sorted(lost - ours)}"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_is_readable_by_jinja_and_its_icons_exist(template):
    source = template.read_text()
    pages.environment().parse(source)
    for name in re.findall(r"icon\('([\w-]+)'", source):
        assert name in pages._icons(), name


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_script_is_written_in_a_template(template):
    source = template.read_text()
    assert not re.search(r"<script(?![^>]*(src=|application/json))", source)
    assert not re.search(r"\son[a-z]+=", source)


def test_every_state_has_a_shape_that_is_drawn_and_a_tone_that_is_coloured():
    bits, theme = (ROOT / "web/templates/bits.html").read_text(), (static.ASSETS / "theme.css").read_text()
    for states in vocabulary.STATES.values():
        for state in states.values():
            assert f"'{state.shape}':" in bits
            assert f"[data-tone={state.tone}]" in theme


def test_a_state_that_is_not_in_the_table_is_shown_as_unknown():
    assert vocabulary.state_of("terminal", "levitating").word == "Inconnu"


def test_what_every_page_loads_stays_under_150_kb():
    shared = ["vendor/tabler.min.css", "theme.css", "balise.js", "vendor/htmx.min.js", "vendor/htmx-sse.min.js"]
    weight = sum(len(gzip.compress(static.files()[name].read_bytes(), 9)) for name in shared)
    # 30 KB are left to the page itself.
    assert weight <= 120_000


def test_nothing_of_node_or_of_the_build_is_served():
    assert not [name for name in static.files() if "node_modules" in name or name.endswith((".json", ".txt"))]


@pytest.mark.parametrize(
    ("values", "said"), [([], "sur 0 jours"), ([0, 0], "0, 0"), ([None, 3, 1], "–, 3, 1"), ([5], "sur 1 jours")]
)
def test_a_sparkline_is_drawn_of_any_days_and_says_its_numbers(values, said):
    bits = pages.environment().get_template("bits.html").module
    drawn = str(bits.spark(values))
    assert said in drawn
    assert "nan" not in drawn.lower()
    assert drawn.count("<path") == (2 if values else 0)
