"""Balise on each terminal: what happened is kept and told, what is wanted is fetched, shown and reported."""

VERSION = "0.1.0"
"""Stated to the server with every event and report; the same as the distribution's, kept here to spare an import."""
