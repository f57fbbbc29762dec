"""`python -m agent`: the same as `balise agent`."""

from agent.cli import main

main()
