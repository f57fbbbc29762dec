"""The project against its goals and its peers, side by side in one run: `make bench` (`ONLY=ingest`: a part of it)."""
