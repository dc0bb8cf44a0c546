"""From records on disk to rows, kept samples and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stackhaven.cli.main import run
from stackhaven.drills.contents import DRILLS, SUITES, drill
from stackhaven.drills.drill import PROMISES
from stackhaven.drills.ground import Ground
from stackhaven.drills.history import Entry, Found, Recorder, Sample, Write
from stackhaven.drills.judge.floors import Floor
from stackhaven.drills.report.beside import side_by_side
from stackhaven.drills.report.kept import BEGIN, END, Table, inserted, keep, read_kept, store
from stackhaven.drills.report.rows import LeftOut, Row, Setting, rows_of, with_floors
from stackhaven.drills.report.rows import Sample as Measured
from stackhaven.drills.report.table import LABELS, NOT_YET, markdown
from stackhaven.errors import InputError
from tests.unit.drills.records import event, header, series, vip

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
MACHINE = {"nodes": ["c1", "c2", "c3", "k1", "k2"], "vip_provider": "keepalived"}
KEEPALIVED = Setting(cloud="demo", vip_provider="keepalived", machines=5)


def record(
    drills: Path,
    day: int,
    name: str = "power-off-busiest",
    *,
    bad: range | tuple[()] = (),
    without: Sequence[str] = (),
    more: Sequence[Entry] = (),
    machine: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A record of that day of November 2026 on disk, broken from second 10 to 40."""
    directory = drills / f"202611{day:02}-120000-{name}"
    directory.mkdir(parents=True)
    what = {**drill(name).as_data(), **changes}
    kinds = (
        ("load-begins", 0.0),
        ("inject", 10.0),
        ("injected", 10.0),
        ("heal", 40.0),
        ("healed", 41.0),
        ("whole", 52.0),
        ("load-ends", 60.0),
    )
    recorder = Recorder(directory)
    for entry in (
        header(drill=what, cloud="demo", began=1793_000_000.0 + 86400 * day, machine=machine or MACHINE),
        *(event(at, kind, nodes=["c1"]) for kind, at in kinds if kind not in without),
        *series(map(float, range(60)), bad),
        vip(0.0, "c1"),
        vip(0.5, "c2"),
        *more,
    ):
        recorder.add(entry)
    recorder.close()
    return directory


def cpu(at: float, waited_s: float, steal: int) -> Sample:
    data = {"waited_us": waited_s * 1e6, "busy": 0, "steal": steal, "total": at * 100}
    return Sample(at=at, what="cpu", data=data)


def only_row(drills: Path, **options: Any) -> Row:
    (row,), _ = rows_of(drills, **{"last": 5, **options})
    return row


def test_repeats_become_a_row_with_median_and_spread(tmp_path: Path) -> None:
    for day, bad in ((1, range(12, 14)), (2, range(12, 20)), (3, range(12, 13))):
        record(tmp_path, day, bad=bad)
    row = only_row(tmp_path)
    gap = next(figure for figure in row.figures() if figure.what == "gap_s")
    assert gap.found is not None
    assert (gap.found.least, gap.found.median, gap.found.most, gap.found.times) == (1.5, 2.5, 8.5, 3)
    assert (gap.must, gap.aim, gap.kept) == (3.0, 1.5, True)
    assert row.setting == KEEPALIVED
    assert row.worst_probe() == "token"
    assert [sample.record[:8] for sample in row.samples] == ["20261101", "20261102", "20261103"]


def test_only_the_newest_count_and_none_from_before(tmp_path: Path) -> None:
    for day in range(1, 8):
        record(tmp_path, day)
    assert [s.record[6:8] for s in only_row(tmp_path, last=2).samples] == ["06", "07"]
    assert len(only_row(tmp_path, since=1793_000_000.0 + 86400 * 5).samples) == 3
    assert rows_of(tmp_path, last=5, since=2e9) == ([], [])


@pytest.mark.parametrize(
    ("without", "more", "why"),
    [
        (("injected",), (), "the fault did not take effect"),
        (("inject", "injected"), (), "nothing was broken"),
        (("healed",), (), "what was broken was not put right by the drill itself"),
        (("load-ends",), (), "it has not ended"),
    ],
)
def test_what_says_nothing_is_left_out_by_name(
    tmp_path: Path, without: Sequence[str], more: Sequence[Entry], why: str
) -> None:
    record(tmp_path, 1)
    bad = record(tmp_path, 2, without=without, more=more)
    (row,), out = rows_of(tmp_path, last=1)
    assert [s.record[6:8] for s in row.samples] == ["01"], "a useless record takes no good one's place"
    assert out == [LeftOut(record=bad.name, drill="power-off-busiest", why=why)]


def test_fewer_calls_than_usual_are_a_row_of_their_own_and_say_so(tmp_path: Path) -> None:
    record(tmp_path, 1)
    slow = record(tmp_path, 2, rate=0.5)
    rows, out = rows_of(tmp_path, last=5)
    usual, half = rows
    assert (usual.setting.rate, usual.setting.calls) == (1.0, "")
    assert [sample.record for sample in half.samples] == [slow.name]
    assert half.setting.calls == "50 % of the usual calls"
    text = markdown(Table(rows=tuple(rows), left_out=tuple(out)))
    assert text.count("(`power-off busiest`, 50 % of the usual calls)") == 1
    assert text.count("keepalived, 50 % of the usual calls") == 1


def test_an_interrupted_and_an_unreadable_one_are_left_out(tmp_path: Path) -> None:
    stopped = record(tmp_path, 1)
    with (stopped / "history.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"type":"event","at":61,"kind":"note","text":"interrupted","data":{}}\n')
    torn = record(tmp_path, 2)
    lines = (torn / "history.jsonl").read_text(encoding="utf-8").splitlines()
    (torn / "history.jsonl").write_text("\n".join([lines[0], "{", *lines[1:]]), encoding="utf-8")
    empty = record(tmp_path, 3)
    (empty / "history.jsonl").write_text("", encoding="utf-8")
    strange = record(tmp_path, 4)
    (strange / "history.jsonl").write_text("[]\n", encoding="utf-8")
    rows, out = rows_of(tmp_path, last=5)
    assert rows == []
    assert [one.record[6:8] for one in out] == ["01", "02", "03", "04"]
    assert out[0].why == "it was interrupted"
    assert all(one.drill == "power-off-busiest" for one in out)


def test_another_sentence_under_the_same_name_is_no_repeat(tmp_path: Path) -> None:
    record(tmp_path, 1, do="reset busiest")
    record(tmp_path, 2)
    (row,), out = rows_of(tmp_path, last=5)
    assert len(row.samples) == 1
    assert out[0].why == "it did something else under the same name: reset busiest"


def test_clouds_that_differ_are_rows_that_differ(tmp_path: Path) -> None:
    record(tmp_path, 1)
    record(tmp_path, 2, machine={**MACHINE, "vip_provider": "pacemaker"})
    record(tmp_path, 3, machine={"nodes": MACHINE["nodes"]})
    rows, _ = rows_of(tmp_path, last=5, provider_today="pacemaker")
    assert [(row.setting.vip_provider, len(row.samples)) for row in rows] == [
        ("keepalived", 1),
        ("pacemaker", 2),
    ]


def test_what_must_never_happen_is_judged_in_each(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        twice = [vip(12.0, "c1", "c2"), vip(13.0, "c2")] if day == 2 else []
        record(tmp_path, day, more=twice)
    row = only_row(tmp_path)
    found = {figure.what: figure.kept for figure in row.figures()}
    assert found["two VIP holders, s"] is False
    assert found["gap_s"] is True
    assert "1 s" in markdown(Table(rows=(row,))).split("What went with it")[1]


def test_lost_writes_pressure_and_redundancy_are_told(tmp_path: Path) -> None:
    written = [
        Write(at=11.0, api="keys", op="create", name=f"n{number}", outcome="ok", id="1")
        for number in range(4)
    ]
    listed = Found(at=59.0, api="keys", names={"n0": 1, "n1": 1, "n2": 1})
    record(tmp_path, 1, more=[*written, listed, cpu(10.0, 0, 0), cpu(30.0, 5, 40), cpu(39.0, 7.25, 87)])
    row = only_row(tmp_path)
    text = markdown(Table(rows=(row,)))
    assert "**1 of 4**" in text
    assert "25 %, 3 %" in text
    assert "| 12 s |" in text
    assert not next(f for f in row.figures() if f.what == "acknowledged writes not kept").kept


def test_floors_are_those_of_this_cloud_only(tmp_path: Path, lab: Ground) -> None:
    record(tmp_path, 1)
    record(tmp_path, 2, machine={**MACHINE, "vip_provider": "pacemaker"})
    rows, _ = rows_of(tmp_path, last=5)
    known, other = with_floors(rows, lab.layout)
    assert known.floor is not None
    assert "F-21" in known.floor.says
    assert other.floor is None
    assert f"| {known.floor.seconds:g} s |" in markdown(Table(rows=(known, other)))


def test_suites_come_first_and_nothing_is_passed_over_in_silence(tmp_path: Path) -> None:
    for number, name in enumerate(("slow-link", "blackout", "kill-writer")):
        record(tmp_path, 1 + number, name)
    rows, _ = rows_of(tmp_path, last=5)
    assert [row.drill for row in rows] == ["kill-writer", "blackout", "slow-link"]
    text = markdown(Table(rows=tuple(rows)))
    for name in SUITES["controller"]:
        line = next(line for line in text.splitlines() if line.startswith(f"| **{name}**:"))
        assert (NOT_YET in line) == (name not in {"kill-writer", "blackout"})
    others = [one.name for one in DRILLS if one.name not in {*SUITES["controller"], "slow-link"}]
    assert f"Not measured yet either: {', '.join(f'`{name}`' for name in others)}." in text


def test_what_a_record_says_cannot_break_the_table(tmp_path: Path) -> None:
    record(tmp_path, 1, why="a | b\nc <!-- drills end -->")
    text = markdown(Table(rows=(only_row(tmp_path),)))
    assert "a \\| b c &lt;!-- drills end" in text
    assert END not in text


def test_every_promise_has_a_label() -> None:
    assert PROMISES.keys() <= LABELS.keys()


def test_a_row_replaces_its_own_older_self_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "drills.json"
    assert read_kept(file) == Table()
    record(tmp_path / "one", 1, "kill-writer", bad=range(12, 20))
    record(tmp_path / "one", 2, "blackout")
    record(tmp_path / "two", 3, "kill-writer")
    old, _ = rows_of(tmp_path / "one", last=5)
    floor = Floor(seconds=1.5, says="checks")
    first = Table(rows=tuple(old), left_out=(LeftOut(record="r", drill="blackout", why="torn"),))
    keep(file, Table().renewed(first))
    assert read_kept(file) == Table().renewed(first)
    new, _ = rows_of(tmp_path / "two", last=5)
    merged = read_kept(file).renewed(Table(rows=tuple(new)))
    assert [row.drill for row in merged.rows] == ["kill-writer", "blackout"]
    assert merged.rows[0] == new[0]
    assert merged.rows[1] == old[1]
    assert merged.left_out == first.left_out
    keep(file, Table(rows=(Row(**{**vars(merged.rows[0]), "floor": floor}),)))
    assert read_kept(file).rows[0].floor == floor
    data = json.loads(file.read_text(encoding="utf-8"))["rows"][0]
    assert data["samples"][0]["date"].startswith("2026-")
    assert data["figures"][0]["what"] == "gap_s"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind":"bench","version":1}',
        '{"kind":"drills","version":2,"rows":[],"left_out":[]}',
        '{"kind":"drills","version":1,"rows":[{"drill":1}],"left_out":[]}',
    ],
)
def test_a_file_that_holds_something_else_is_not_overwritten(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="drill-kept"):
        read_kept(file)


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n<!-- drills begin: mine -->\nold\n{END}\nafter\n", encoding="utf-8")
    store(page, inserted(page, "new\n"))
    assert page.read_text(encoding="utf-8") == (
        f"# Before\n\n<!-- drills begin: mine -->\n\nnew\n\n{END}\nafter\n"
    )
    assert inserted(page, "new\n") == page.read_text(encoding="utf-8"), "again changes nothing"


@pytest.mark.parametrize(
    "text", ["", "# A page\n", BEGIN, END, f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{BEGIN}{END}"]
)
def test_a_page_without_a_place_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="drill-page") as caught:
        inserted(page, "new")
    assert BEGIN in str(caught.value)


def test_the_published_page_has_markers_and_names_every_drill_of_the_suite() -> None:
    page = ROOT / "docs" / "availability.md"
    text = page.read_text(encoding="utf-8")
    assert inserted(page, "x")
    between = text.partition(BEGIN)[2].partition(END)[0]
    assert [name for name in SUITES["controller"] if f"**{name}**" not in between] == []


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cloud's file and the directory of its drills."""
    monkeypatch.chdir(tmp_path)
    Path("cloud.yaml").write_text(
        "name: demo\nlab: {}\nnodes:\n  c: {roles: [controller], count: 3}\n"
        "  k: {roles: [compute, network], count: 2}\n",
        encoding="utf-8",
    )
    return tmp_path / ".haven" / "demo" / "drills"


def haven(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["--file", "cloud.yaml", "drill", "table", *arguments])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out, said.err


def test_the_command_prints_writes_and_keeps(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(cloud, 1, bad=range(12, 20))
    code, out, _ = haven(capsys)
    assert code == 0
    assert "MISSED" in out
    Path("page.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    code, out, _ = haven(capsys, "--write", "page.md", "--keep", "kept.json", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(Path("kept.json").read_text(encoding="utf-8"))
    assert json.loads(out)["rows"][0]["setting"] == {
        "cloud": "demo",
        "vip_provider": "keepalived",
        "machines": 5,
        "rate": 1.0,
    }
    assert "**8.5 s**" in Path("page.md").read_text(encoding="utf-8")


def test_without_records_the_page_says_so(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("page.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    assert haven(capsys, "--write", "page.md")[0] == 0
    text = Path("page.md").read_text(encoding="utf-8")
    assert text.count(NOT_YET) >= len(SUITES["controller"])
    assert not cloud.exists() or not list(cloud.iterdir())


def test_bad_words_are_refused_and_nothing_is_written(
    cloud: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(cloud, 1)
    Path("page.md").write_text("no markers\n", encoding="utf-8")
    code, _, err = haven(capsys, "--write", "page.md", "--keep", "kept.json")
    assert code == 2
    assert "[drill-page]" in err
    assert not Path("kept.json").exists()
    assert "[drill-since]" in haven(capsys, "--since", "yesterday")[2]
    assert "[drill-page]" in haven(capsys, "--write", "nowhere.md")[2]
    assert "[file-unwritable]" in haven(capsys, "--keep", "nowhere/kept.json")[2]
    assert haven(capsys, "--since", "2030-01-01")[0] == 0


def test_clouds_stand_side_by_side(cloud: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(cloud, 1, bad=range(12, 15))
    record(cloud, 2, bad=range(12, 14))
    haven(capsys, "--keep", "kept.json")
    file = tmp_path / "kept.json"
    text = file.read_text(encoding="utf-8")
    other = Table(
        rows=tuple(
            replace(row, setting=Setting(cloud="other", vip_provider="pacemaker", machines=5))
            for row in read_kept(file).rows
        )
    )
    keep(file, read_kept(file).renewed(other))
    code, out, _ = haven(capsys, "--keep", "kept.json", "--beside")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines()]
    assert (code, text != file.read_text(encoding="utf-8")) == (0, True)
    assert lines[0] == ["drill", "figure", "demo: 5 machines, keepalived", "other: 5 machines, pacemaker"]
    assert lines[2][0] == "**power-off-busiest** (`power-off busiest`)"
    assert lines[2][1:] == ["gap", *["**3 s** (2.5 to 3.5, 2)"] * 2]
    assert {line[1] for line in lines[2:]} >= {
        "gap",
        "VIP with nobody",
        "two living holders",
        "every member back",
    }
    assert [line[0] for line in lines[3:]] == [""] * len(lines[3:]), "a drill is named once"


def test_a_cloud_without_a_drill_has_an_empty_cell() -> None:
    sample = Measured(record="a", began=1.0, nodes=(), measured={"gap_s": 1.0})
    one = Row(drill="kill-api", do="x", why="", setting=KEEPALIVED, load=(), must={}, samples=(sample,))
    other = replace(one, drill="freeze-api", setting=replace(KEEPALIVED, cloud="later"))
    lines = side_by_side(Table(rows=(one, other))).splitlines()
    assert [line for line in lines if "| gap |" in line] == [
        "| **kill-api** (`x`) | gap | **1 s** (1 to 1, 1) |  |",
        "| **freeze-api** (`x`) | gap |  | **1 s** (1 to 1, 1) |",
    ]


def test_rows_of_single_drills_are_renewed_without_the_others(
    cloud: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(cloud, 1, "power-off-busiest")
    record(cloud, 1, "kill-writer")
    haven(capsys, "--keep", "kept.json")
    record(cloud, 2, "power-off-busiest")
    record(cloud, 2, "kill-writer")
    code, out, _ = haven(capsys, "kill-writer", "--keep", "kept.json", "--json")
    assert code == 0
    assert {row["drill"]: len(row["samples"]) for row in json.loads(out)["rows"]} == {
        "power-off-busiest": 1,
        "kill-writer": 2,
    }
    _, out, _ = haven(capsys, "kill-writer", "--json")
    assert [row["drill"] for row in json.loads(out)["rows"]] == ["kill-writer"]
