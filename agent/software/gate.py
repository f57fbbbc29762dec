"""Whether a version on trial is healthy: what a visitor and an operator need of it, and nothing else. Pure."""

from dataclasses import dataclass
from typing import Literal

LIMIT_S = 15 * 60
STEADY_S = 60


@dataclass(frozen=True, slots=True)
class Health:
    """`up_s`, `steady_s`: seconds since the agent's start, and since when all has been well without a break."""

    painting: bool
    linked: bool
    content_valid: bool
    up_s: float
    steady_s: float = 0


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before the restart: a network or a screen that was away then is not this version's fault."""

    linked: bool
    painting: bool


def lacking(health: Health, before: Before) -> str:
    """What is wrong, empty when nothing is."""
    if before.painting and not health.painting:
        return "no page is painting"
    if not health.content_valid:
        return "the content is not valid"
    if before.linked and not health.linked:
        return "the link to the broker is not back"
    return ""


def judge(
    health: Health, before: Before, limit_s: float = LIMIT_S, steady_s: float = STEADY_S
) -> tuple[Literal["done", "failed", "wait"], str]:  # fmt: skip
    """`done` once all has been well for `steady_s`; `failed`, with why, when it is not within `limit_s`."""
    why = lacking(health, before)
    if not why and health.steady_s >= steady_s:
        return "done", ""
    if health.up_s >= limit_s:
        return "failed", why or "it is not steady"
    return "wait", why
