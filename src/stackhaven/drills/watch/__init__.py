"""Watchers: what nodes are, all along a drill, whatever a client sees."""
