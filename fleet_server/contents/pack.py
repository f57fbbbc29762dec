"""A pack in memory: every file read and of the right shape, with the problems found on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from fleet_server.contents import schema
from fleet_server.contents.reading import At, Document, Unreadable, read

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Where, what is wrong, and what to do. `grave`: the pack can't be published."""

    file: str
    line: int
    problem: str
    remedy: str
    grave: bool = True

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}. {self.remedy}."


@dataclass
class Pack:
    """What could be read is there; `problems` says what could not."""

    root: Path
    problems: list[Problem] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    head: schema.Pack | None = None
    texts: schema.Texts | None = None
    domains: schema.Domains | None = None
    occupations: schema.Occupations | None = None
    sectors: schema.Sectors | None = None
    communes: schema.Communes | None = None
    epcis: schema.Epcis | None = None
    contact: schema.Contact | None = None
    sources: schema.Sources | None = None
    actors: dict[str, schema.Actor] = field(default_factory=dict)
    """By file name."""

    @property
    def grave(self) -> list[Problem]:
        """What forbids to publish it."""
        return [problem for problem in self.problems if problem.grave]

    def tell(self, file: str, at: At, problem: str, remedy: str, grave: bool = True) -> None:
        line = self.documents[file].line(at) if file in self.documents else 1
        self.problems.append(Problem(file, line, problem, remedy, grave))


def read_pack(root: Path) -> Pack:
    pack = Pack(root)
    pack.head = _file(pack, "pack.yml", schema.Pack)
    pack.texts = _file(pack, "texts.yml", schema.Texts)
    pack.domains = _file(pack, "metiers/domaines.yml", schema.Domains)
    pack.occupations = _file(pack, "metiers/occupations.json", schema.Occupations)
    pack.sectors = _file(pack, "metiers/secteurs.json", schema.Sectors)
    pack.communes = _file(pack, "territoire/communes.json", schema.Communes)
    pack.epcis = _file(pack, "territoire/epci.json", schema.Epcis)
    pack.contact = _file(pack, "contact.yml", schema.Contact)
    pack.sources = _file(pack, "sources.yml", schema.Sources)
    for path in sorted((root / "acteurs").glob("*.yml")):
        file = f"acteurs/{path.name}"
        if actor := _file(pack, file, schema.Actor):
            pack.actors[file] = actor
    return pack


def _file(pack: Pack, file: str, model: type[M]) -> M | None:
    try:
        document = read(pack.root / file)
    except FileNotFoundError:
        pack.tell(file, (), "le fichier manque", "Créez-le, ou vérifiez le dossier du paquet")
        return None
    except Unreadable as error:
        pack.problems.append(Problem(file, error.line, error.problem, "Corrigez cette ligne"))
        return None
    pack.documents[file] = document
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for at, problem, remedy in _explained(error):
            pack.tell(file, at, problem, remedy)
        return None


def _explained(error: ValidationError) -> Iterator[tuple[At, str, str]]:
    """Pydantic's findings in the words of an author."""
    for found in error.errors(include_url=False):
        at: At = found["loc"]
        name = " › ".join(str(part) for part in at) or "le fichier"
        shown = repr(found["input"])[:60]
        match found["type"]:
            case "missing":
                yield at, f"« {name} » manque", "Ajoutez-le"
            case "extra_forbidden":
                yield at, f"« {name} » n’est pas un nom connu ici", "Vérifiez l’orthographe, ou retirez-le"
            case "string_too_short":
                yield at, f"« {name} » est vide", "Écrivez le texte, ou retirez la ligne"
            case "literal_error":
                accepted = found["ctx"]["expected"].replace(" or ", " ou ")
                yield at, f"« {name} » vaut {shown}", f"Valeurs acceptées : {accepted}"
            case "string_pattern_mismatch":
                yield at, f"« {name} » vaut {shown}", f"Forme attendue : {found['ctx']['pattern']}"
            case _:
                yield at, f"« {name} » vaut {shown}, ce qui ne convient pas ({found['msg']})", "Corrigez la valeur"
