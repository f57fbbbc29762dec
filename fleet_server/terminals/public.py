"""What other rooms use of the terminals."""

from fleet_server.terminals.choice import TooMany, chosen_ids
from fleet_server.terminals.desired import change_settings, merge_own_settings, wish_release, wish_software
from fleet_server.terminals.proof import ProvenDep, TerminalDep
from fleet_server.terminals.registry import accepted, names, places

__all__ = [
    "ProvenDep",
    "TerminalDep",
    "TooMany",
    "accepted",
    "change_settings",
    "chosen_ids",
    "merge_own_settings",
    "names",
    "places",
    "wish_release",
    "wish_software",
]
