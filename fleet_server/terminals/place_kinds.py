"""Kinds of place where a terminal may stand, and the departments of the region, in words for people."""

KINDS = {
    "mairie": "Mairie",
    "centre_commercial": "Centre commercial",
    "campus_connecte": "Campus connecté",
    "france_services": "France services",
    "autre": "Autre lieu",
}
DEPARTMENTS = {
    "44": "Loire-Atlantique", "49": "Maine-et-Loire", "53": "Mayenne", "72": "Sarthe", "85": "Vendée",
}  # fmt: skip
"""Of the region, whose outlines the map has."""
