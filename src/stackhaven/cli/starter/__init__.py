"""The catalogue that a new design begins with."""
