"""Planned maintenance: dated facts about terminals, never orders. Nothing on a terminal follows from them."""
