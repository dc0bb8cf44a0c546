"""Pictures of a design as SVG: the same design makes the same bytes."""

from stackhaven.design.draw.pictures import VIEWS, draw

__all__ = ["VIEWS", "draw"]
