"""How a share is said (BACKOFFICE §8): never of fewer than 11, with its base under 50, as a percentage from there up.

When one hidden share could be found by subtracting the others from the whole, a second one is hidden too.
"""

from fleet_server.web.french import num, percent

SMALLEST, PERCENT_FROM = 11, 50
HIDDEN = "masqué, effectif trop petit"


def share(part: int, base: int) -> str:
    if base < SMALLEST:
        return HIDDEN
    return percent(part / base) if base >= PERCENT_FROM else f"{num(part)} sur {num(base)}"


def shares(parts: dict[str, tuple[int, int]]) -> dict[str, str]:
    """Of groups shown beside their whole: name → (part, base) in, name → words out."""
    hidden = {name for name, (_, base) in parts.items() if 0 < base < SMALLEST}
    shown = sorted((base, name) for name, (_, base) in parts.items() if base >= SMALLEST)
    if len(hidden) == 1 and shown:
        hidden.add(shown[0][1])
    return {
        name: "–" if base == 0 else HIDDEN if name in hidden else share(part, base)
        for name, (part, base) in parts.items()
    }
