"""Pure functions from a cloud to facts about it: addresses, placement, sizes, availability."""
