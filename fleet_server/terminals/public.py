"""What other rooms use of the terminals."""

from fleet_server.terminals.desired import wish_release
from fleet_server.terminals.proof import ProvenDep, TerminalDep
from fleet_server.terminals.registry import accepted, names, places

__all__ = ["ProvenDep", "TerminalDep", "accepted", "names", "places", "wish_release"]
