"""Kinds of place where a terminal may stand, and their words for people."""

KINDS = {
    "mairie": "Mairie",
    "centre_commercial": "Centre commercial",
    "campus_connecte": "Campus connecté",
    "france_services": "France services",
    "autre": "Autre lieu",
}
