"""The form that says who a terminal is and where it stands, as typed: for one expected, and for one that moves."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form

from fleet_server.terminals.place_kinds import KINDS
from wire.state import Place

_CODE = re.compile(r"^\d[0-9AB]\d{3}$")
NOWHERE = "0, 0"
"""A place whose position nobody gave: the map says so rather than show it somewhere."""
_POSITION = re.compile(r"^(-?\d{1,2}(?:[.]\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:[.]\d+)?)$")


def position_typed(place: Place) -> str:
    return f"{place.latitude}, {place.longitude}" if place.latitude or place.longitude else ""


@dataclass
class Described:
    name: Annotated[str, Form()] = ""
    place: Annotated[str, Form()] = ""
    kind: Annotated[str, Form()] = "autre"
    commune: Annotated[str, Form()] = ""
    code: Annotated[str, Form()] = ""
    position: Annotated[str, Form()] = ""
    groups: Annotated[str, Form()] = ""

    def read(self) -> tuple[Place | None, dict[str, str]]:
        """The place, or what is wrong by field."""
        errors = {}
        if not 1 <= len(self.name.strip()) <= 80:
            errors["name"] = "Un nom est nécessaire, 80 caractères au plus : le plus souvent la ville."
        if not 1 <= len(self.place.strip()) <= 200:
            errors["place"] = "Le lieu est nécessaire : « Mairie de Laval », par exemple."
        if self.kind not in KINDS:
            errors["kind"] = "Choisissez un genre de lieu dans la liste."
        if not 1 <= len(self.commune.strip()) <= 200:
            errors["commune"] = "La commune est nécessaire."
        if not _CODE.match(self.code.strip()):
            errors["code"] = "Le code Insee a cinq chiffres : 53130 pour Laval. Ce n’est pas le code postal."
        position = _POSITION.match(self.position.strip() or NOWHERE)
        if not position:
            errors["position"] = "Deux nombres, latitude puis longitude : « 48.0706, -0.7734 ». Ou rien."
        if errors or not position:
            return None, errors
        code = self.code.strip()
        return Place.model_validate(
            {"site": self.place.strip(), "name": self.place.strip(), "kind": self.kind, "commune": code,
             "commune_name": self.commune.strip(), "department": code[:2], "latitude": float(position[1]),
             "longitude": float(position[2])}
        ), {}  # fmt: skip
