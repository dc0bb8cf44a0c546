"""The bench: `make bench`, or `python -m bench --only NAME`. What is measured stands in `docs/performance.md`."""
