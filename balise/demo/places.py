"""Seven demonstration places in the five departments, of the kinds the programme names. None is a real kiosk's place.

Positions are those of the town halls of the communes (Base adresse nationale); the places themselves are fictional.
"""

from typing import NamedTuple

from wire.state import Place


class DemoTerminal(NamedTuple):
    key: str
    name: str
    place: Place


def _at(key: str, town: str, kind: str, what: str, commune: str, latitude: float, longitude: float) -> DemoTerminal:
    place = Place(
        site=f"demo-{key}", name=f"{what} (démonstration)", kind=kind, commune=commune, commune_name=town,
        department=commune[:2], latitude=latitude, longitude=longitude, demo=True,
    )  # fmt: skip
    return DemoTerminal(key, town, place)


TERMINALS = (
    _at("laval", "Laval", "france_services", "France services", "53130", 48.0706, -0.7734),
    _at("nantes", "Nantes", "centre_commercial", "Galerie commerciale", "44109", 47.2186, -1.5541),
    _at("cholet", "Cholet", "campus_connecte", "Campus connecté", "49099", 47.0617, -0.8800),
    _at("sable", "Sablé-sur-Sarthe", "campus_connecte", "Campus connecté", "72264", 47.8399, -0.3340),
    _at("saint-nazaire", "Saint-Nazaire", "mairie", "Mairie", "44184", 47.2733, -2.2138),
    _at("la-roche", "La Roche-sur-Yon", "centre_commercial", "Galerie commerciale", "85191", 46.6705, -1.4264),
    _at("segre", "Segré-en-Anjou Bleu", "france_services", "France services", "49331", 47.6863, -0.8723),
)
