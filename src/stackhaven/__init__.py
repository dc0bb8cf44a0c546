"""stackhaven: one file describes a cloud; `haven` designs, builds, watches, breaks and operates it."""

__version__ = "0.1.0"
