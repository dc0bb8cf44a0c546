"""Drills: break a cloud on purpose, measure what its clients saw, heal it, judge the record."""
