"""The design desk from the command line: five commands from an empty folder, and errors in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stackhaven.cli.desk_files import starter_hardware
from stackhaven.cli.main import run
from stackhaven.model.load import load_cloud

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HAVEN_FILE", raising=False)


def haven(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out, said.err


def test_five_commands_from_an_empty_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert haven(capsys, "design", "--new", "shop", "--yes")[0] == 0
    code, out, _ = haven(capsys, "size")
    assert code == 0
    assert "Hypervisors: 6 x middle" in out
    code, out, _ = haven(capsys, "design")
    assert code == 0
    assert "cloud.yaml written: valid" in out
    assert len(load_cloud(Path("cloud.yaml")).nodes) == 6
    code, out, _ = haven(capsys, "lint")
    assert (code, out) == (0, "0 errors, 0 warnings\n")
    code, out, _ = haven(capsys, "draw")
    assert code == 0
    assert all(Path(name).read_text(encoding="utf-8").startswith("<svg") for name in out.split())


def test_the_conversation_asks_and_believes_the_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(["50", "4", "16 GiB", "80 GB", "0 GB", "10 TB", "0", "0", "2", "99.99", "y"])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: next(given))
    assert haven(capsys, "design", "--new", "mine")[0] == 0
    code, out, _ = haven(capsys, "size", "--json")
    data = json.loads(out)
    assert code == 0
    assert (data["guests"], data["compute"]["spare"], data["blocks"]) == (50, 2, None)
    assert data["objects"]["replicas"] == 3
    assert "east" in Path("design.yaml").read_text(encoding="utf-8")


def test_what_a_person_wrote_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("design.yaml").write_text("name: mine\n", encoding="utf-8")
    code, _, err = haven(capsys, "design", "--new", "shop", "--yes")
    assert code == 2
    assert "[file-exists] design.yaml exists" in err
    assert Path("design.yaml").read_text(encoding="utf-8") == "name: mine\n"


def test_the_filled_in_design_designs_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    haven(capsys, "design", "--new", "shop", "--yes")
    assert haven(capsys, "design", "--plan", "full.yaml")[0] == 0
    first = Path("cloud.yaml").read_text(encoding="utf-8").split("\n", 1)[1]
    assert haven(capsys, "design", "full.yaml", "--out", "again.yaml")[0] == 0
    assert Path("again.yaml").read_text(encoding="utf-8").split("\n", 1)[1] == first


def test_every_screen_has_json(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(EXAMPLES / "layouts" / "a-05.yaml")
    for command in (
        ("size", file),
        ("size", "--documents"),
        ("design", file),
        ("lint", file),
        ("spof", file, "--k", "2"),
        ("availability", file, "--simulate", "20"),
        ("draw", file),
    ):
        code, out, _ = haven(capsys, *command, "--json")
        assert code == 0, command
        assert json.loads(out) is not None
    assert not Path("cloud.yaml").exists(), "--json writes only what is named"


def test_every_screen_takes_a_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    haven(capsys, "design", str(EXAMPLES / "layouts" / "a-02.yaml"))
    assert "not extend" not in haven(capsys, "design", "cloud.yaml")[1]
    assert "site main" in haven(capsys, "spof", "cloud.yaml")[1]
    assert "ASSUMED" in haven(capsys, "availability", "cloud.yaml", "--of", "mariadb")[1]
    assert haven(capsys, "draw", "cloud.yaml", "--view", "physical", "--spof")[0] == 0


def test_impossible_demands_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    haven(capsys, "design", "--new", "shop", "--yes")
    text = Path("design.yaml").read_text(encoding="utf-8")
    Path("design.yaml").write_text(text.replace("8 GiB", "4096 GiB"), encoding="utf-8")
    code, _, err = haven(capsys, "size")
    assert code == 2
    assert (
        "flavor standard needs 4096 GiB of memory and the roomiest server, large, has 1504 GiB for guests"
        in err
    )
    Path("design.yaml").write_text(text.replace("controllers: 3", "controllers: 4"), encoding="utf-8")
    assert "4 controllers tolerate the loss of 1, no more than 3 do" in haven(capsys, "size")[2]


def test_lint_reads_a_folder_of_somebody_elses_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("etc")
    (folder / "haproxy").mkdir(parents=True)
    (folder / "haproxy" / "haproxy.cfg").write_text(
        "listen mysql\n bind 10.0.0.5:3360\n server a 10.0.0.2:3306 check\n", encoding="utf-8"
    )
    (folder / "nova.conf").write_text(
        "[database]\nconnection = mysql+pymysql://nova:x@10.0.0.5/nova\n", encoding="utf-8"
    )
    (folder / "image.bin").write_bytes(b"\0\1")
    code, out, _ = haven(capsys, "lint", "etc")
    assert code == 2
    assert "etc/nova.conf:2:1: error: [port-no-listener]" in out
    sarif = json.loads(haven(capsys, "lint", "etc", "--sarif")[1])
    assert sarif["version"] == "2.1.0"
    assert {"port-no-listener", "galera-tcp-check"} <= {r["ruleId"] for r in sarif["runs"][0]["results"]}


def test_lint_points_at_the_line_of_a_design(capsys: pytest.CaptureFixture[str]) -> None:
    text = (EXAMPLES / "layouts" / "a-15.yaml").read_text(encoding="utf-8")
    Path("design.yaml").write_text(
        text.replace("address: 172.16.50.147", "address: 172.99.0.1"), encoding="utf-8"
    )
    code, out, _ = haven(capsys, "lint", "design.yaml")
    line = next(n for n, row in enumerate(text.split("\n"), 1) if "172.16.50.147" in row)
    assert code == 2
    assert f"design.yaml:{line}:" in out
    assert "[plan-vip-outside] vips.api.address: VIP api 172.99.0.1 is not in management" in out
    assert haven(capsys, "design", "design.yaml")[0] == 2
    assert not Path("cloud.yaml").exists()


@pytest.mark.parametrize("rule", ["galera-tcp-check", "plan-quorum-even", "net-overlap", "key-unknown"])
def test_rules_explain_themselves(capsys: pytest.CaptureFixture[str], rule: str) -> None:
    code, out, _ = haven(capsys, "lint", "--explain", rule)
    assert code == 0
    assert len(out) > 30


def test_an_unknown_rule_and_an_unknown_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert "haven lint --rules" in haven(capsys, "lint", "--explain", "no-such")[2]
    file = str(EXAMPLES / "layouts" / "a-02.yaml")
    assert "write one of: token, boot" in haven(capsys, "availability", file, "--of", "swift")[2]


def test_measured_outages_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("drills.json").write_text('[{"kind": "machine", "outage_s": 2.4}]', encoding="utf-8")
    Path("rates.json").write_text('{"process": {"mtbf_h": 900, "source": "records"}}', encoding="utf-8")
    file = str(EXAMPLES / "layouts" / "a-02.yaml")
    code, out, _ = haven(capsys, "availability", file, "--measured", "drills.json", "--rates", "rates.json")
    assert code == 0
    assert "2.4 s" in out
    assert "outage measured (1, drills.json)" in out
    assert "records" in out


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"a: [", b"kind: design", b"kind: design\nname: x\nnodes: 3\n"]
)
@pytest.mark.parametrize("command", ["size", "design", "spof", "availability", "draw", "lint"])
def test_a_useless_file_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], command: str, content: bytes
) -> None:
    Path("design.yaml").write_bytes(content)
    code, out, err = haven(capsys, command, "design.yaml")
    assert code == 2
    assert out + err


def test_the_starter_catalogue_is_the_example() -> None:
    assert starter_hardware() == (EXAMPLES / "hardware.yaml").read_text(encoding="utf-8")
