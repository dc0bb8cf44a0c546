from __future__ import annotations

from pathlib import Path

import pytest

from stackhaven.drills.contents import DRILLS, SUITES, drills_of
from stackhaven.drills.drill import PROMISES, Drill, drill_from, read_drill
from stackhaven.drills.errors import DrillError
from stackhaven.drills.load.groups import GUESTS, names_of, possible
from stackhaven.drills.load.ledger import apis
from stackhaven.drills.targets import ROLES

pytestmark = pytest.mark.unit

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "drills").glob("*.yaml"))
MINIMAL = {"name": "n", "why": "w", "do": "power-off vip-holder"}


@pytest.mark.parametrize("one", DRILLS, ids=lambda one: one.name)
def test_every_drill_is_made_of_known_words(one: Drill) -> None:
    one.checked()
    role = one.target.partition(":")[0]
    assert any(name.partition(":")[0] == role for name in ROLES)
    assert one.must
    assert set(one.aim) <= set(one.must)
    assert names_of(one.load)


def test_names_are_unique_and_suites_name_drills_that_there_are() -> None:
    names = [one.name for one in DRILLS]
    assert len(names) == len(set(names))
    for suite in SUITES:
        assert drills_of(f"suite:{suite}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_drills(path: Path) -> None:
    assert read_drill(path).must


def test_there_are_examples() -> None:
    assert EXAMPLES


def test_a_drill_survives_being_written_down() -> None:
    for one in DRILLS:
        assert drill_from(one.as_data(), "record") == one
    with_floor = drill_from({**MINIMAL, "floor": "booting"}, "mine.yaml")
    assert with_floor.floor == "booting"
    assert drill_from(with_floor.as_data(), "record") == with_floor


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"do": "power-off"}, "drill-sentence"),
        ({"rate": 0}, "drill-rate"),
        ({"rate": 2}, "drill-rate"),
        ({"do": "power-off the vip-holder"}, "drill-sentence"),
        ({"do": "explode vip-holder"}, "no-such-fault"),
        ({"do": "kill vip-holder"}, "drill-sentence"),
        ({"load": ["everything"]}, "no-such-probe"),
        ({"must": {"luck": 1}}, "drill-promise"),
        ({"hold": 3}, "drill-file"),
        ({"hold_s": "long"}, "drill-file"),
        ({"must": ["gap_s"]}, "drill-file"),
    ],
)
def test_what_is_wrong_with_a_drill_is_said(change: dict[str, object], rule: str) -> None:
    with pytest.raises(DrillError) as raised:
        drill_from({**MINIMAL, **change}, "mine.yaml").checked()
    assert raised.value.rule == rule


def test_a_file_that_is_no_drill_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for text in ("- 1\n", "a: [\n", "name: x\n"):
        path.write_text(text)
        with pytest.raises(DrillError) as raised:
            read_drill(path)
        assert raised.value.rule == "drill-file"


def test_an_unknown_drill_is_refused_with_those_there_are() -> None:
    with pytest.raises(DrillError) as raised:
        drills_of("suite:nothing")
    assert "suite:ci" in raised.value.todo
    with pytest.raises(DrillError, match="no drill"):
        drills_of("nothing")


def test_promises_have_words() -> None:
    assert all(PROMISES.values())


def test_what_a_cloud_does_not_run_is_not_asked() -> None:
    names = names_of(("reads", "writes", "guests", "boot"))
    everything = {"keystone", "glance", "nova", "neutron", "placement", "horizon"}
    assert possible(names, everything) == names
    assert possible(names, {"keystone", "mariadb"}) == ("token", "region-writes")
    assert possible(names, {"keystone", "glance"}) == ("token", "images", "image-writes", "region-writes")
    assert possible(names, everything - {"neutron"}) == tuple(
        name for name in names if name not in {"networks", "network-writes", *GUESTS}
    )
    assert possible(("networks",), {"keystone"}) == ()


def test_the_ledger_writes_only_where_there_is_something_to_write_to() -> None:
    assert [api.name for api in apis("", {"keystone", "placement"})] == ["region", "trait"]
    assert {api.part for api in apis("")} == {"keystone", "glance", "nova", "neutron", "placement"}
