"""One drill on one page: headline, picture, promises, figures. Self-contained HTML. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape

from stackhaven.drills.drill import PROMISES
from stackhaven.drills.history import History
from stackhaven.drills.judge.figures import ProbeFigures
from stackhaven.drills.judge.invariants import Stretch, longest_s
from stackhaven.drills.judge.verdict import Line, Load, Result
from stackhaven.drills.report.timeline import BAD, GOOD, SLOW, UNKNOWN, timeline

SPACE = "\u00a0"
"""Between number and unit: they stay on one line."""

STYLE = """
body{font:14px/1.45 system-ui,"DejaVu Sans",sans-serif;margin:24px auto;max-width:1150px;padding:0 16px;color:#22252a;
background:#fff}
h1{font-size:22px;margin:0 0 2px}h2{font-size:15px;margin:22px 0 6px}.sub{color:#5c6068;margin:0 0 14px}
.head{font-size:17px;padding:10px 14px;border-radius:6px;margin:12px 0}
.kept{background:#e3f2e6;border-left:6px solid #4c9f61}.missed{background:#f9e2e0;border-left:6px solid #c8413b}
table{border-collapse:collapse;width:100%}td,th{text-align:right;padding:3px 9px;border-bottom:1px solid #e4e6ea;
font-size:13px}td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}th{font-weight:600;
color:#5c6068}
svg{width:100%;height:auto}svg text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:#22252a}
.row{text-anchor:end}.tick{text-anchor:middle;fill:#5c6068}.in.light{fill:#fff}.band{fill:#7a5a57;font-style:italic}
.gap{font-weight:700}.yes{color:#2f7a43;font-weight:700}.no{color:#b3322c;font-weight:700}
.key span{display:inline-block;width:12px;height:12px;margin:0 5px 0 14px;vertical-align:-1px}
"""


def page(history: History, result: Result) -> str:
    """The whole document."""
    drill = result.drill
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(result.began))
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(str(drill['name']))} on {escape(result.cloud)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(str(drill['name']))}: {escape(result.strike)}</h1>",
            f'<p class="sub">{escape(str(drill["why"]))}. Cloud {escape(result.cloud)}, {began}.</p>',
            f'<div class="head {"kept" if result.kept else "missed"}">{escape(headline(result))}</div>',
            timeline(history),
            _key(),
            "<h2>Promises</h2>",
            _table(
                ("", "measured", "must", "aim", "kept"),
                (_promise(line) for line in result.lines),
            ),
            "<h2>What clients saw</h2>",
            '<p class="sub">Latency: median / 99th percentile of what succeeded, from when it was due.</p>',
            _table(_PROBE_HEAD, (_probe(probe) for probe in result.probes)),
            "<h2>What must always hold</h2>",
            _table(("", "times", "longest", ""), _invariants(result)),
            *_ledger(result),
            "<h2>How hard the machine worked</h2>",
            _table(
                ("window", "time in which something waited for a CPU", "busy", "stolen"),
                (_load(name, load) for name, load in result.machine.items()),
            ),
            "<h2>Remarks</h2><ul>",
            *(f"<li>{escape(remark)}</li>" for remark in result.remarks),
            "</ul></body></html>\n",
        ]
    )


def headline(result: Result) -> str:
    """One sentence for a person in a hurry."""
    if not result.probes:
        return "Nothing was measured."
    worst = max(result.probes, key=lambda probe: probe.outage_s)
    late = max(result.probes, key=lambda probe: probe.return_s)
    failed = sum(probe.failed + probe.unknown for probe in result.probes)
    cured = sum(probe.cured for probe in result.probes)
    parts = [
        f"Longest time without success: {worst.outage_s:.1f} s ({worst.probe})"
        + (f", {late.return_s:.1f} s while it came back ({late.probe})" if late.return_s else ""),
        f"{failed} of {sum(probe.calls for probe in result.probes)} calls failed"
        + (f", {cured} more succeeded at their second try" if cured else ""),
        "not every member came back"
        if result.redundancy_s is None
        else f"every member back after {result.redundancy_s:.0f} s",
    ]
    missed = [PROMISES.get(line.what, line.what).split(",")[0] for line in result.lines if not line.kept]
    parts.append(f"MISSED: {'; '.join(missed)}" if missed else "every promise kept")
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def seconds(value: float | None) -> str:
    """For a cell; a dash where there is nothing."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f}{SPACE}ms" if 0 < value < 1 else f"{value:.1f}{SPACE}s"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g}"


_PROBE_HEAD = (
    "probe",
    "calls",
    "failed",
    "unknown",
    "cured by retry",
    "longest without success",
    "before healing",
    "usual",
    "unavailable in all",
    "full service after",
    "latency before",
    "during",
    "after",
    "errors",
)


def _probe(probe: ProbeFigures) -> tuple[str, ...]:
    def of(window: str) -> str:
        found = probe.latency.get(window)
        return f"{seconds(found.median_s)} / {seconds(found.p99_s)}" if found and found.p99_s else "-"

    return (
        probe.probe,
        str(probe.calls),
        str(probe.failed),
        str(probe.unknown),
        str(probe.cured),
        seconds(probe.gap_s),
        seconds(probe.gap_in_fault_s),
        seconds(probe.usual_gap_s),
        seconds(probe.unavailable_s),
        "not before healing" if probe.full_service_s is None else seconds(probe.full_service_s),
        of("before"),
        of("during"),
        of("after"),
        ", ".join(f"{count} {kind}" for kind, count in probe.errors.items()) or "-",
    )


def _promise(line: Line) -> tuple[str, ...]:
    return (
        PROMISES.get(line.what, line.what),
        _number(line.measured),
        ("at least " if line.at_least else "") + _number(line.must),
        "" if line.aim is None else _number(line.aim),
        "yes" if line.kept else "NO",
    )


def _invariants(result: Result) -> Iterable[tuple[str, ...]]:
    seen = result.invariants
    if not seen.watched:
        return [("not watched", "", "", "")]
    rows: Sequence[tuple[str, tuple[Stretch, ...]]] = (
        ("no VIP holder", seen.no_holder),
        ("two living VIP holders", seen.two_holders),
        ("a frozen node still has the VIP", seen.frozen_holder),
        ("clients' ARP points elsewhere", seen.arp_wrong),
        ("no primary component of the database", seen.no_primary),
        ("two primary components", seen.split_brain),
    )
    return [
        (
            name,
            str(len(found)),
            seconds(longest_s(found)),
            max(found, key=lambda s: s.length_s).says if found else "",
        )
        for name, found in rows
    ]


def _ledger(result: Result) -> list[str]:
    ledger = result.ledger
    if not ledger.acknowledged and not ledger.unknown:
        return []
    rows = [
        ("acknowledged writes", str(ledger.acknowledged), ""),
        ("writes with an unknown end", str(ledger.unknown), ""),
        ("acknowledged and missing", str(len(ledger.lost)), ", ".join(ledger.lost)),
        ("deleted and back", str(len(ledger.returned)), ", ".join(ledger.returned)),
        ("there twice", str(len(ledger.doubled)), ", ".join(ledger.doubled)),
        ("never written", str(len(ledger.strangers)), ", ".join(ledger.strangers)),
    ]
    if ledger.unread:
        rows.append(("could not be read at the end", str(len(ledger.unread)), ", ".join(ledger.unread)))
    return ["<h2>The ledger</h2>", _table(("", "", ""), rows)]


def _load(name: str, load: Load) -> tuple[str, ...]:
    return (name, *("-" if v is None else f"{v:.0f} %" for v in (load.waited, load.busy, load.steal)))


def _key() -> str:
    words = ((GOOD, "succeeded"), (SLOW, "slow, or at the second try"), (BAD, "failed"), (UNKNOWN, "unknown"))
    spans = "".join(f'<span style="background:{colour}"></span>{word}' for colour, word in words)
    return f'<p class="key sub">Calls, by when they were due:{spans}. Hover for details.</p>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    parts = ["<table><tr>", *(f"<th>{escape(cell)}</th>" for cell in head), "</tr>"]
    for row in rows:
        cells = (
            f'<td class="{"yes" if cell == "yes" else "no" if cell == "NO" else ""}">{escape(cell)}</td>'
            for cell in row
        )
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*parts, "</table>"])
