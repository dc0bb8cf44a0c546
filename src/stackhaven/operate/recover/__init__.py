"""Bringing back what cannot come back by itself: look at what is left, propose with evidence, do one move at a time."""
