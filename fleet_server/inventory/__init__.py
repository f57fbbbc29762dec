"""What each terminal is made of, what changed of it, and which terminals are made of what."""
