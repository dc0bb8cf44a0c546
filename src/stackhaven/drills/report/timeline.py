"""A drill as a picture: the fault, who held the VIP, what members were, which calls succeeded. Pure; gives SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from stackhaven.drills.history import Call, History, Sample
from stackhaven.drills.judge.figures import SLOW_S, gaps, longest

LEFT, WIDTH, ROW, GAP = 150, 960, 18, 5
BINS = 320
HOLDERS = ("#3b6fb6", "#8a5fb0", "#2f8f83", "#b07a2a", "#6b6f78")
GOOD, SLOW, BAD, UNKNOWN, NONE = "#4c9f61", "#e3b341", "#c8413b", "#d9822b", "#e4e6ea"
MEMBER_COLOURS = {
    "synced": "#bfe0c6",
    "joiner": "#e3b341",
    "donor/desynced": "#e8d48a",
    "joined": "#e8d48a",
    "off": "#3c3f45",
    "silent": "#c8413b",
    "down": "#d9822b",
}
FAULT_FILL, HEAL_FILL = "#f7dcda", "#fbf1cf"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Something that was so for a while, in a row of the picture."""

    begin: float
    end: float
    label: str
    colour: str


def timeline(history: History) -> str:
    """The picture."""
    begin = history.first("load-begins") or 0.0
    end = max(history.end, begin + 1)
    zero = history.first("inject")
    scale = _Scale(begin=begin, end=end, zero=begin if zero is None else zero)
    rows = [*_rows(history, scale)]
    height = 46 + sum(ROW + GAP for _ in rows) + 30
    parts = [
        f'<svg viewBox="0 0 {LEFT + WIDTH + 20} {height}" role="img" aria-label="time line of the drill">',
        *_bands(history, scale, height),
    ]
    y = 46
    for title, body in rows:
        parts.append(f'<text class="row" x="{LEFT - 8}" y="{y + 13}">{escape(title)}</text>')
        parts.append(f'<g transform="translate(0 {y})">{body}</g>')
        y += ROW + GAP
    parts += [*_axis(scale, y), "</svg>"]
    return "\n".join(parts)


@dataclass(frozen=True, kw_only=True)
class _Scale:
    begin: float
    end: float
    zero: float

    def x(self, at: float) -> float:
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return round(LEFT + share * WIDTH, 1)


def _rows(history: History, scale: _Scale) -> Iterator[tuple[str, str]]:
    vip = [sample for sample in history.samples if sample.what == "vip"]
    names = [str(name) for name in history.header.machine.get("nodes", ())]
    if vip:
        yield "VIP holder", _spans(holder_spans(vip, scale.end, names), scale)
    members = [sample for sample in history.samples if sample.what == "member"]
    for node in sorted({str(sample.data["node"]) for sample in members}):
        mine = [sample for sample in members if sample.data["node"] == node]
        yield f"database {node}", _spans(member_spans(mine, scale.end), scale)
    status = [sample for sample in history.samples if sample.what == "status"]
    if status:
        yield "whole?", _spans(status_spans(status, scale.end), scale)
    for probe in history.probes():
        calls = [call for call in history.calls if call.probe == probe]
        yield probe, _calls(calls, scale)


def holder_spans(samples: Sequence[Sample], end: float, names: Sequence[str]) -> tuple[Span, ...]:
    """Who had the VIP; nobody is a gap, two of them are shouted."""

    def state(sample: Sample) -> tuple[str, str]:
        holders = [str(name) for name in sample.data["holders"]]
        if len(holders) == 1:
            known = list(names).index(holders[0]) if holders[0] in names else len(HOLDERS) - 1
            return holders[0], HOLDERS[known % len(HOLDERS)]
        return (" + ".join(holders), BAD) if holders else ("nobody", NONE)

    return _merged(((sample.at, *state(sample)) for sample in samples), end)


def member_spans(samples: Sequence[Sample], end: float) -> tuple[Span, ...]:
    """A database member's states; one outside the primary component is marked."""

    def state(sample: Sample) -> tuple[str, str]:
        word = str(sample.data["state"])
        lonely = word not in {"off", "silent", "down"} and not sample.data["primary"]
        return (f"{word}, not primary", BAD) if lonely else (word, MEMBER_COLOURS.get(word, SLOW))

    return _merged(((sample.at, *state(sample)) for sample in samples), end)


def status_spans(samples: Sequence[Sample], end: float) -> tuple[Span, ...]:
    """Whether the status found anything degraded."""

    def state(sample: Sample) -> tuple[str, str]:
        count = len(sample.data["degraded"])
        return ("whole", "#bfe0c6") if count == 0 else ("degraded", "#f0c7a3")

    return _merged(((sample.at, *state(sample)) for sample in samples), end)


def _merged(states: Iterable[tuple[float, str, str]], end: float) -> tuple[Span, ...]:
    spans: list[Span] = []
    for at, label, colour in states:
        if spans and spans[-1].label == label:
            continue
        if spans:
            last = spans[-1]
            spans[-1] = Span(begin=last.begin, end=at, label=last.label, colour=last.colour)
        spans.append(Span(begin=at, end=end, label=label, colour=colour))
    return tuple(spans)


def _spans(spans: Sequence[Span], scale: _Scale) -> str:
    parts = []
    for span in spans:
        x, width = scale.x(span.begin), scale.x(span.end) - scale.x(span.begin)
        title = f"{span.label}, {span.begin - scale.zero:+.1f} s to {span.end - scale.zero:+.1f} s"
        parts.append(
            f'<rect x="{x}" width="{max(width, 0.8):.1f}" height="{ROW}" fill="{span.colour}">'
            f"<title>{escape(title)}</title></rect>"
        )
        if width > 7 * len(span.label):
            dark = span.colour in {*HOLDERS, BAD, "#3c3f45"}
            parts.append(
                f'<text class="in{" light" if dark else ""}" x="{x + 4}" y="13">{escape(span.label)}</text>'
            )
    return "".join(parts)


def _calls(calls: Sequence[Call], scale: _Scale) -> str:
    """Calls by when they were due, in bins; the worst of a bin gives its colour. The longest gap is underlined."""
    width = (scale.end - scale.begin) / BINS
    bins: dict[int, list[Call]] = {}
    for call in calls:
        bins.setdefault(int((call.at - scale.begin) / width), []).append(call)
    period = (calls[-1].at - calls[0].at) / max(1, len(calls) - 1)
    step = max(1, round(period / width))
    parts = []
    for number, some in sorted(bins.items()):
        at = scale.begin + number * width
        x, x2 = scale.x(at), scale.x(at + step * width)
        title = f"{at - scale.zero:+.1f} s: {_in_words(some)}"
        parts.append(
            f'<rect x="{x}" width="{max(x2 - x - 0.3, 0.5):.1f}" height="{ROW}" fill="{colour_of(some)}">'
            f"<title>{escape(title)}</title></rect>"
        )
    length, begin = longest(gap for gap in gaps(calls) if gap[1] > scale.zero)
    if length > 3 * period and length > SLOW_S:
        x, x2 = scale.x(begin), scale.x(begin + length)
        parts.append(f'<rect x="{x}" y="{ROW}" width="{x2 - x:.1f}" height="3" fill="#22252a"/>')
        at_end = x2 > LEFT + WIDTH - 50
        place = f'x="{x2 - 3}" text-anchor="end"' if at_end else f'x="{x2 + 3}"'
        parts.append(f'<text class="gap" {place} y="13">{length:.1f} s</text>')
    return "".join(parts)


def colour_of(calls: Sequence[Call]) -> str:
    """The worst of them."""
    outcomes = {call.outcome for call in calls}
    if "fail" in outcomes:
        return BAD
    if "unknown" in outcomes:
        return UNKNOWN
    return SLOW if any(call.first_error or call.latency_s > SLOW_S for call in calls) else GOOD


def _in_words(calls: Sequence[Call]) -> str:
    words: dict[str, int] = {}
    for call in calls:
        word = call.error or ("ok at second try" if call.first_error else "ok")
        words[word] = words.get(word, 0) + 1
    slowest = max(call.latency_s for call in calls)
    return ", ".join(f"{count} {word}" for word, count in words.items()) + f"; slowest {slowest:.2f} s"


def _bands(history: History, scale: _Scale, height: int) -> Iterator[str]:
    inject, heal = history.first("inject"), history.first("heal")
    if inject is None:
        return
    until = scale.end if heal is None else heal
    whole = next(
        (e.at for e in history.events if e.kind == "whole" and heal is not None and e.at > heal), None
    )
    bands: Mapping[str, tuple[float, float, str]] = {
        "fault": (inject, until, FAULT_FILL),
        "healing, members return": (until, scale.end if whole is None else whole, HEAL_FILL),
    }
    for says, (begin, end, fill) in bands.items():
        x, width = scale.x(begin), scale.x(end) - scale.x(begin)
        if width <= 0:
            continue
        yield f'<rect x="{x}" y="22" width="{width:.1f}" height="{height - 50}" fill="{fill}"/>'
        if width > 7 * len(says):
            yield f'<text class="band" x="{x + 4}" y="37">{says}</text>'


def _axis(scale: _Scale, y: int) -> Iterator[str]:
    span = scale.end - scale.begin
    step = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600) if span / s <= 16 or s == 3600)
    at = scale.zero - step * int((scale.zero - scale.begin) / step)
    yield f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y + 4}" y2="{y + 4}" stroke="#8b8f98"/>'
    while at <= scale.end:
        x = scale.x(at)
        yield f'<line x1="{x}" x2="{x}" y1="{y + 4}" y2="{y + 9}" stroke="#8b8f98"/>'
        yield f'<text class="tick" x="{x}" y="{y + 22}">{at - scale.zero:+.0f} s</text>'.replace(
            "+0 s", "fault"
        )
        at += step
