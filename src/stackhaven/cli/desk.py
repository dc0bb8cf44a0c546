"""The design desk's commands, each from its own module."""

from __future__ import annotations

from stackhaven.cli.desk_design import design
from stackhaven.cli.desk_draw import draw
from stackhaven.cli.desk_lint import lint
from stackhaven.cli.desk_risk import availability, spof
from stackhaven.cli.desk_size import size

__all__ = ["availability", "design", "draw", "lint", "size", "spof"]
