"""`python -m agent`: the agent's own process, set by its environment. `balise agent` becomes this one.

Only what it needs is loaded: no command-line library, and no coloured tracebacks, which structlog would bring along.
"""

import sys


def main() -> int:
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from agent.app import Refused, run
    from agent.settings import WrongSettings, read_settings

    try:
        run(read_settings())
    except (Refused, WrongSettings) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def check() -> None:
    """Raises what keeps this version from being started at all; done by the version that runs, before it gives way."""
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from agent.trial_run import check

    check()


if __name__ == "__main__":
    sys.exit(main())
