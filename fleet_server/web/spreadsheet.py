"""What people export, for spreadsheets to read."""


def safe(cell: str) -> str:
    """A spreadsheet runs a cell that begins like a formula: such a text gets a quote in front."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
