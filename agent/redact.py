"""A log without secrets and without persons: what leaves the terminal to be read by others. Pure.

Ids, digests of releases and addresses of the server stay: they are what a log is read for.
"""

import json
import re
from typing import Any

REMOVED = "[retiré]"
_SECRET_NAMES = re.compile(
    r"token|secret|passw|authori[sz]ation|cookie|bearer|private|csr|pairing|\bcode\b|\burl\b|e?mail|phone|"
    r"\bhost_phone\b|\bsaid\b|draft|message_text",
    re.IGNORECASE,
)
"""Names of fields whose value never leaves. `url` carries the page's token, `code` a pairing's."""
# Each goes over a line once, however long that is: the agent stands still meanwhile.
_SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.DOTALL),
    re.compile(r"eyJ[\w-]{8,}(\.[\w-]+){0,2}"),  # JWT
    re.compile(r"balise-enrol-1\.[^\s\"']+"),
    re.compile(r"balise_[\w-]{12,}"),
    re.compile(r"(?i)\bbearer\s+[^\s\"']+"),
    re.compile(r"#k=[^\s\"'&]+"),
    re.compile(r"(?i)[\"']?\b(token|secret|password|passwd|pwd|key)\b\\?[\"']?\s*[=:]\s*\\?[\"']?[^\s\"',;&\\}]+"),
    re.compile(r"(?i)\bcode\\?[\"']\s*:\s*\\?[\"'][^\s\"'\\}]+"),
    re.compile(r"(?i)//[^/\s:@\"']+:[^/\s@\"']+@"),  # user:password in an address
    re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+"),
    re.compile(r"(?<![\w.])(\+33|0033|0)[\s.-]?[1-9]([\s.-]?\d{2}){4}(?!\w)"),
    # Anything random and long that is neither a hexadecimal digest nor a UUID.
    re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{32,}(?![\w-])"),
)


def redacted(text: str) -> str:
    """Line by line: JSON by the names of its fields and the shapes of its values, anything else by shapes."""
    return "".join(_line(line) for line in _without_shapes_over_lines(text).splitlines(keepends=True))


def _without_shapes_over_lines(text: str) -> str:
    return _SHAPES[0].sub(REMOVED, text)


def _line(line: str) -> str:
    try:
        said = json.loads(line)
    except ValueError:
        return _plain(line)
    if not isinstance(said, dict):
        return _plain(line)
    return json.dumps(_clean(said), ensure_ascii=False) + "\n"


def _clean(value: Any) -> Any:
    match value:
        case dict():
            return {
                _plain(str(name)): REMOVED
                if _SECRET_NAMES.search(str(name)) and not isinstance(one, int | float)
                else _clean(one)
                for name, one in value.items()
            }
        case list():
            return [_clean(one) for one in value]
        case str():
            return _plain(value)
        case _:
            return value


def _plain(text: str) -> str:
    for shape in _SHAPES:
        text = shape.sub(REMOVED, text)
    return text
