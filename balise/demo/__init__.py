"""`balise demo`: the whole of Balise on one machine, with the shipped processes; only the places are fictional."""
