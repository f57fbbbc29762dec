"""The project against its goals and its peers, measured side by side in one run: `make bench`, `make bench ONLY=ingest`."""
