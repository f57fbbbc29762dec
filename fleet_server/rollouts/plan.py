"""What a rollout brings, to whom and how: checked when it comes in, frozen from then on."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wire.message import Instant
from wire.state import Hours

Kind = Literal["content", "software", "settings"]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Names = Annotated[tuple[Name, ...], Field(max_length=2000)]
HOUR = 3600
DAY = 24 * HOUR


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Part):
    """Who: within a field any of its values, and every field that is given. `everyone` when none is.

    Terminals that come to match later join while the rollout runs. Words mean what they mean in `terminals.search`.
    """

    everyone: bool = False
    text: str = Field("", max_length=80)
    """Sought in its name, place, commune and id."""
    terminals: Names = ()
    """Ids."""
    groups: Names = ()
    tags: Names = ()
    kinds: Names = ()
    """Of place: `mairie`…"""
    sites: Names = ()
    """Places, by their id."""
    departments: Names = ()
    models: Names = ()
    """What its hardware calls itself, in full."""
    versions: Names = ()
    """Of the software it says it runs."""
    editions: Names = ()
    """Labels of the content it says it shows."""

    @model_validator(mode="after")
    def _said(self) -> Self:
        given = [name for name in type(self).model_fields if name != "everyone" and getattr(self, name)]
        if bool(given) == self.everyone:
            raise ValueError("dites qui : « everyone », ou au moins un critère, et pas les deux")
        return self


class Wave(_Part):
    """How many: `count` or `percent` of all; neither: all that are left. `soak_s`: watched before the next one."""

    count: int | None = Field(None, ge=1, le=100_000)
    percent: float | None = Field(None, gt=0, le=100)
    soak_s: int = Field(0, ge=0, le=30 * DAY)

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.count is not None and self.percent is not None:
            raise ValueError("une vague a un nombre ou un pourcentage, pas les deux")
        return self


class Window(_Part):
    """When it may take effect, on the clock of the terminal's place. Empty: at any time, between two visits."""

    hours: Annotated[tuple[Hours, ...], Field(max_length=10)] = ()
    closed: bool = False
    """Only outside of the place's opening hours, where they are known."""
    latest_s: int | None = Field(None, ge=0, le=30 * DAY)
    """How long after its turn it takes effect whatever the hour, and even in a visit."""


class Plan(_Part):
    """How. The last wave takes all that earlier ones leave."""

    waves: Annotated[tuple[Wave, ...], Field(min_length=1, max_length=20)] = (Wave(),)
    canaries: Names = ()
    """Ids that come first."""
    at_once: int = Field(0, ge=0, le=100_000)
    """Terminals in progress at most; 0: no limit."""
    per_hour: int = Field(0, ge=0, le=100_000)
    """Terminals begun within an hour at most; 0: no limit."""
    success_percent: int = Field(80, ge=0, le=100)
    """Of those of a wave that came to an end (those that refuse it, too), for the next wave to open."""
    error_percent: int = Field(20, ge=0, le=100)
    """Of all that came to an end: beyond it the rollout stops, once `min_sample` did."""
    min_sample: int = Field(3, ge=1, le=100_000)
    timeout_s: int = Field(DAY, ge=1, le=30 * DAY)
    """For one terminal, from when it may take effect there."""
    silent_s: int = Field(6 * HOUR, ge=1, le=30 * DAY)
    """Nothing heard for so long, likewise: it counts as failed without waiting for the rest."""
    not_before: Instant | None = None
    window: Window = Window()
    second_person: bool = False
    """Asked for by the author, where the server does not demand it anyway."""


def wave_sizes(plan: Plan, total: int, canaries: int = 0) -> list[int]:
    """How many terminals each wave takes of so many, the first at least these `canaries`. Percents are rounded up."""
    sizes: list[int] = []
    left = total
    for number, wave in enumerate(plan.waves):
        last = number == len(plan.waves) - 1
        asked = left
        if not last and wave.count is not None:
            asked = wave.count
        elif not last and wave.percent is not None:
            asked = -int(-total * wave.percent // 100)
        sizes.append(min(max(asked, 0 if sizes else canaries), left))
        left -= sizes[-1]
    return sizes
