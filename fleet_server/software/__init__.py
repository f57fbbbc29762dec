"""Versions of the terminals' own software: made from the sources, checked, listed. Publishing is of `releases`."""
