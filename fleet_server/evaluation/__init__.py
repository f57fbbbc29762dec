"""Evaluation: what happened on the screens, counted without anyone being recognisable."""
