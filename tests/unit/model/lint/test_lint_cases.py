"""Every recorded case is caught by its rule, and the same files put right are not."""

from __future__ import annotations

import pytest

from stackhaven.model.lint import CASES as RECORDED
from stackhaven.model.lint import Source, explain, lint, rules
from stackhaven.model.lint.register import ELSEWHERE, caught_by
from tests.unit.model.lint.cases import CASES, Case

pytestmark = pytest.mark.unit


def _rules_broken(files: dict[str, str]) -> set[str]:
    return {f.rule for f in lint([Source(file, text) for file, text in files.items()])}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.case}-{c.rule}")
def test_the_case_is_caught(case: Case) -> None:
    assert case.rule in _rules_broken(case.wrong)


@pytest.mark.parametrize("case", [c for c in CASES if c.right], ids=lambda c: f"{c.case}-{c.rule}")
def test_what_was_put_right_is_not_caught(case: Case) -> None:
    assert case.rule not in _rules_broken(case.right)


def test_every_recorded_case_has_a_rule_or_a_reason() -> None:
    assert list(RECORDED) == [f"E-{n:02d}" for n in range(1, 56)]
    for case in RECORDED:
        assert bool(caught_by(case)) != (case in ELSEWHERE), case


def test_every_rule_is_tried_by_a_case_it_claims() -> None:
    tried = {(c.rule, c.case) for c in CASES}
    assert {rule for rule, _ in tried} == set(rules())
    for case in RECORDED:
        assert case in ELSEWHERE or any(c.case == case for c in CASES), case


def test_every_rule_explains_itself() -> None:
    for rule in rules().values():
        text = explain(rule.id)
        assert text
        assert rule.title in text
        assert len(rule.why) > 20
    assert explain("no-such-rule") is None


def test_secrets_are_compared_and_never_shown() -> None:
    wrong = next(c for c in CASES if c.rule == "secret-differs").wrong
    said = "\n".join(map(str, lint([Source(f, t) for f, t in wrong.items()])))
    assert "onething" not in said
    assert "another'" not in said


def test_a_packed_ram_disk_is_no_mistake() -> None:
    script = "openstack image create --disk-format ari --container-format ari --file ird.gz ird\n"
    assert _rules_broken({"first.sh": script}) == set()


def test_a_subnet_of_one_address_is_read() -> None:
    script = "openstack subnet create --subnet-range 10.0.0.1/32 --gateway 10.0.0.9 s\n"
    assert "net-gateway-outside" in _rules_broken({"net.sh": script})
