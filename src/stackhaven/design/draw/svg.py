"""A small SVG writer: boxes, lines and text that fits, in one palette, without any library.

Text is measured by a table of average widths, so that a label is cut before it leaves its box on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

INK, MUTED, PAPER, EDGE = "#1b2733", "#5b6b7a", "#ffffff", "#8fa1b3"
FILL = {
    "controller": "#dce8f7",
    "compute": "#e3f1df",
    "network": "#f6ecd5",
    "storage": "#ece2f4",
    "balancer": "#d9eff0",
    "database": "#f3e0e0",
    "deployer": "#eeeeee",
    "monitor": "#eeeeee",
    "other": "#eeeeee",
    "rack": "#f7f9fb",
    "site": "#ffffff",
    "power": "#fff4c9",
    "switch": "#d5dde6",
    "vip": "#fde2cf",
    "user": "#ffffff",
    "bad": "#f9c6c0",
}
FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_WIDE = {"m": 0.86, "w": 0.76, "W": 0.95, "M": 0.85, "@": 1.0, "—": 1.0, "%": 0.9}
_NARROW = dict.fromkeys("iljtf.,:;'|!()[]/ ", 0.34) | {"-": 0.36, "r": 0.4}


def width_of(text: str, size: float) -> float:
    """Pixels a text takes, on the safe side."""
    return sum(_WIDE.get(c) or _NARROW.get(c) or (0.72 if c.isupper() else 0.6) for c in text) * size


def fitted(text: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis where it would leave its room."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ,") + "…"


def wrapped(words: list[str], size: float, room: float, lines: int) -> list[str]:
    """Words joined by commas over at most so many lines; the last line says how many are left."""
    rows: list[str] = []
    row = ""
    for index, word in enumerate(words):
        longer = f"{row}, {word}" if row else word
        if width_of(longer + ",", size) <= room or not row:
            row = longer
            continue
        if len(rows) == lines - 1:
            rest = len(words) - index
            while ", " in row and width_of(f"{row} +{rest}", size) > room:
                row, rest = row.rsplit(", ", 1)[0], rest + 1
            return [*rows, fitted(row, size, room - width_of(f" +{rest}", size)) + f" +{rest}"]
        rows.append(row + ",")
        row = word
    return [fitted(r, size, room) for r in ([*rows, row] if row else rows)]


@dataclass
class Picture:
    """An SVG being drawn. Coordinates are pixels from the top left; it grows to hold what is drawn."""

    title: str
    width: float = 0
    height: float = 0
    under: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    def _reach(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        fill: str = PAPER,
        edge: str = EDGE,
        round_: float = 5,
    ) -> None:
        """A rectangle."""
        self._reach(x + w, y + h)
        self.over.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}" rx="{_n(round_)}" '
            f'fill="{fill}" stroke="{edge}" stroke-width="{2 if edge != EDGE else 1}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12,
        bold: bool = False,
        colour: str = INK,
        middle: bool = False,
    ) -> None:
        """A line of text; `y` is its baseline."""
        wide = width_of(text, size)
        self._reach(x + (wide / 2 if middle else wide), y + 4)
        weight = ' font-weight="bold"' if bold else ""
        anchor = ' text-anchor="middle"' if middle else ""
        self.over.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour}"{weight}{anchor}>'
            f"{escape(text)}</text>"
        )

    def line(
        self,
        points: list[tuple[float, float]],
        *,
        colour: str = EDGE,
        width: float = 1.5,
        dashed: bool = False,
        arrow: bool = False,
    ) -> None:
        """A line under all boxes."""
        for x, y in points:
            self._reach(x, y)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        end = ' marker-end="url(#arrow)"' if arrow else ""
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self.under.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{_n(width)}"{dash}{end}/>'
        )

    def labelled(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        head: str,
        rows: list[str],
        fill: str,
        edge: str = EDGE,
    ) -> None:
        """A box with a bold head and rows of small text, all cut to fit."""
        self.box(x, y, w, h, fill=fill, edge=edge)
        self.text(x + 8, y + 17, fitted(head, 12, w - 14), bold=True)
        for index, row in enumerate(rows):
            if y + 32 + 13 * index <= y + h - 3:
                self.text(x + 8, y + 32 + 13 * index, fitted(row, 10, w - 14), size=10, colour=MUTED)

    def svg(self) -> str:
        """The whole document."""
        w, h = _n(self.width + 24), _n(self.height + 24)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
            f'font-family="{FONT}" role="img">\n<title>{escape(self.title)}</title>\n'
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{EDGE}"/></marker></defs>\n'
            f'<rect width="{w}" height="{h}" fill="{PAPER}"/>\n'
            + "\n".join(self.under + self.over)
            + "\n</svg>\n"
        )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
