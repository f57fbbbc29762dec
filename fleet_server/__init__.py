"""The fleet server: terminals, what they tell, what they are sent, and the people who work with them."""

VERSION = "0.1.0"
"""The same as the distribution's."""
