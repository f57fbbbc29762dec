"""The shapes of a pack's files. What does not fit is refused by name; a word too many is a mistake, not an extra."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, RootModel

SECTION_IDS = ("metiers", "formations", "acteurs", "temoignages", "visites", "point", "rappel")
LANGUAGES = ("fr", "fr-simple", "en")


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Text = Annotated[str, Field(min_length=1, max_length=2000)]
ItemId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,58}$")]
Insee = Annotated[str, Field(pattern=r"^\d{5}$")]
Department = Literal["44", "49", "53", "72", "85"]


class L10n(Part):
    """A text by language. French is complete; what is missing in another falls back to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    fr: Text
    fr_simple: Annotated[Text | None, Field(alias="fr-simple")] = None
    en: Text | None = None


class Named(Part):
    code: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]{2,8})?$")]
    name: Text


class Attract(Part):
    title: L10n
    line: L10n


class Section(Part):
    id: Literal["metiers", "formations", "acteurs", "temoignages", "visites", "point", "rappel"]
    title: L10n
    line: L10n
    available: bool


class Pack(Part):
    format: Literal[1]
    id: ItemId
    languages: Annotated[tuple[Named, ...], Field(min_length=1)]
    attract: Attract
    sections: tuple[Section, ...]


class Texts(RootModel[dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")], L10n]]):
    pass


class Domain(Part):
    code: Annotated[str, Field(pattern=r"^[A-N]$")]
    title: L10n


class Domains(RootModel[tuple[Domain, ...]]):
    pass


class Occupation(Part):
    rome: Annotated[str, Field(pattern=r"^[A-N]\d{4}$")]
    label: Text
    sectors: tuple[str, ...]


class Occupations(RootModel[tuple[Occupation, ...]]):
    pass


class Sector(Part):
    naf: Annotated[str, Field(pattern=r"^\d{1,2}$")]
    label: Text


class Sectors(RootModel[tuple[Sector, ...]]):
    pass


class Commune(Part):
    code: Insee
    name: Text
    department: Department
    postcodes: tuple[Annotated[str, Field(pattern=r"^\d{5}$")], ...]
    population: Annotated[int, Field(ge=0)]


class Communes(RootModel[tuple[Commune, ...]]):
    pass


class Epci(Part):
    siren: Annotated[str, Field(pattern=r"^\d{9}$")]
    name: Text
    type: Text
    population: Annotated[int, Field(ge=0)]
    communes: tuple[Insee, ...]


class Epcis(RootModel[tuple[Epci, ...]]):
    pass


class Source(Part):
    title: Text
    url: HttpUrl


class Area(Part):
    """Whom an actor serves: the whole region, departments, or communes. Exactly one."""

    region: Literal[True] | None = None
    departments: tuple[Department, ...] | None = None
    communes: tuple[Insee, ...] | None = None


class PlaceOf(Part):
    name: Text
    commune: Insee
    address: Text | None = None


class Actor(Part):
    """Someone who can help. Every fact has its source and the day it was checked; `certain` says how sure it is."""

    id: ItemId
    name: Text
    kind: Text
    summary: L10n
    offers: tuple[L10n, ...]
    publics: tuple[Text, ...]
    free: bool
    phone: Annotated[str, Field(pattern=r"^(0\d( \d\d){4}|0800 \d{3} \d{3}|\d{2} \d{2}|39 \d{2})$")] | None = None
    phone_hours: L10n | None = None
    url: HttpUrl | None = None
    email: Annotated[str, Field(pattern=r"^\S+@\S+\.\S+$")] | None = None
    area: Area
    places: tuple[PlaceOf, ...] = ()
    source: Source
    checked_on: date
    expires_on: date | None = None
    certain: bool
    note: L10n | None = None


class Choice(Part):
    id: ItemId
    title: L10n


class Consent(Part):
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    text: L10n
    notice: L10n


class Contact(Part):
    topics: tuple[Choice, ...]
    times: tuple[Choice, ...]
    channels: tuple[Choice, ...]
    consent: Consent


class SourceOfFiles(Part):
    files: tuple[str, ...]
    title: Text
    url: HttpUrl
    licence: Text


class Sources(RootModel[tuple[SourceOfFiles, ...]]):
    pass
