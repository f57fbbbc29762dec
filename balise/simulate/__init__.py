"""`balise simulate`: many terminals in one process, each the agent's real core, without screen or window."""
