"""Build `assets/vendor/` from `assets/node_modules`: `python -m fleet_server.web.build_assets`, after `npm ci` there.

Tabler is cut to what `assets/tabler-kept.txt` names, so that a page stays under 150 KB compressed; icons become one
JSON of name → SVG content; htmx and ECharts are copied as published. Third-party code is built, never committed.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
COPIED = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx-ext-sse/dist/sse.min.js": "htmx-sse.min.js",
    "echarts/dist/echarts.min.js": "echarts.min.js",
}


class NotInstalled(Exception):
    """A package is not there: `npm ci` has not been run."""


def build_assets(assets: Path = ASSETS) -> Path:
    """Returns the folder made. Raises `NotInstalled`, or `CalledProcessError` when Tabler can't be cut."""
    modules, vendor = assets / "node_modules", assets / "vendor"
    if not (modules / "@tabler" / "icons").is_dir():
        raise NotInstalled(f"Il manque {modules} : lancez « npm ci » dans {assets}.")
    vendor.mkdir(exist_ok=True)
    for source, name in COPIED.items():
        shutil.copyfile(modules / source, vendor / name)
    _cut_tabler(modules, assets / "tabler-kept.txt", vendor)
    outline = modules / "@tabler" / "icons" / "icons" / "outline"
    icons = {file.stem: _content(file.read_text()) for file in sorted(outline.glob("*.svg"))}
    (vendor / "icons.json").write_text(json.dumps(icons, separators=(",", ":")))
    return vendor


def _cut_tabler(modules: Path, kept: Path, vendor: Path) -> None:
    css = modules / "@tabler" / "core" / "dist" / "css" / "tabler.min.css"
    purge = modules / "purgecss" / "bin" / "purgecss.js"
    node = shutil.which("node") or "node"
    command = [node, str(purge), "--css", str(css), "--content", str(kept), "--output", str(vendor), "--font-face"]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _content(svg: str) -> str:
    inside = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.S)
    assert inside, "an icon is one svg element"
    return re.sub(r"\s+", " ", inside.group(1)).strip()


if __name__ == "__main__":
    try:
        print(build_assets())
    except NotInstalled as missing:
        sys.exit(str(missing))
    except subprocess.CalledProcessError as failed:
        sys.exit(f"Tabler n’a pas pu être réduit.\n{failed.stderr}")
