"""Why the demonstration does not start, or stops."""


class Refused(Exception):
    """One French sentence: what is wrong and the remedy. Nothing is left running."""
