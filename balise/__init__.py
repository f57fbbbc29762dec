"""The command line, the demonstration fleet and the simulated one: terminal and server tied together."""
