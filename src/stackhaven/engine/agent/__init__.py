"""The program that runs on a node for the length of one run: standard library only, Python 3.9 or newer.

It is sent at connect time and never installed (see `stackhaven.engine.bundle`). It reads one JSON object per line
from its standard input and answers with one per line; there is no operation that evaluates what the controller says.
"""
