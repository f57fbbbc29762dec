"""What happened to one terminal, from every room that knows something of it, in one order."""
