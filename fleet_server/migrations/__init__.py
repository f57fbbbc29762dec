"""The schema's history: one revision a change, applied at each start of the server."""
