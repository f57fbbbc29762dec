"""The fleet server: terminals, what they tell, what they are sent, and the people who work with them."""
