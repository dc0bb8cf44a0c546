from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhaven.plan.diff import HIDDEN, file_diff
from stackhaven.plan.mask import Masker

pytestmark = pytest.mark.unit

SECRET = "s3cr3t/p+ss word"
masker = Masker([SECRET, "other-secret"])


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_spelling_is_masked(spelling: str) -> None:
    shown = masker(f"mysql://nova:{spelling}@vip/nova")
    assert "s3cr3t" not in shown
    assert spelling not in shown
    assert shown.startswith("mysql://nova:")


def test_every_line_of_a_long_secret_is_masked() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBB\nCCCCDDDD\n-----END KEY-----\n"
    assert "CCCCDDDD" not in Masker([key])("error near CCCCDDDD in line 3")


def test_data_is_masked_at_any_depth() -> None:
    assert masker.data({"a": [1, {"b": f"x {SECRET}"}], SECRET: None}) == {
        "a": [1, {"b": "x ****"}],
        "****": None,
    }


def test_short_values_and_no_values_mask_nothing() -> None:
    assert Masker(["", "abc"])("abc stays") == "abc stays"


@given(st.text(min_size=4), st.text(), st.text())
def test_a_secret_never_survives(secret: str, before: str, after: str) -> None:
    shown = Masker([secret])(before + secret + after)
    if secret not in before + "****" + after:
        assert secret not in shown.replace("****", "") or secret in before + after


WANTED = f"[database]\nconnection = mysql://nova:{SECRET}@10.0.0.5/nova\nmax_pool_size = 5\n"


def test_a_secret_of_the_node_that_we_do_not_know_is_masked_by_its_key() -> None:
    shown = file_diff("/etc/nova/nova.conf", WANTED.replace(SECRET, "oldpass"), WANTED, masker)
    assert "oldpass" not in shown
    assert SECRET not in shown
    assert "-connection = **** (another value)" in shown
    assert "+connection = mysql://nova:****@10.0.0.5/nova" in shown
    assert " max_pool_size = 5" in shown


@pytest.mark.parametrize(
    "line",
    [
        "#connection = mysql://nova:oldpass@x",
        "CONNECTION: oldpass",
        "  connection=oldpass",
        "; connection oldpass",
    ],
)
def test_commented_and_misspelt_lines_are_masked_too(line: str) -> None:
    assert "oldpass" not in file_diff("/x", line + "\n", WANTED, masker)


def test_keys_followed_by_blanks_are_keys() -> None:
    wanted = "stats auth admin:other-secret\nuser x\n"
    assert "oldpass" not in file_diff("/x", "stats auth root:oldpass\nuser x\n", wanted, masker)


def test_a_secret_on_a_line_of_its_own_masks_lines_of_that_kind() -> None:
    assert "oldpass" not in file_diff("/var/lib/rabbitmq/.erlang.cookie", "oldpass", "other-secret", masker)


def test_a_sensitive_file_says_only_that_it_differs() -> None:
    assert file_diff("/key", "a", "b", Masker(), sensitive=True) == HIDDEN


def test_equal_content_has_no_diff_and_a_new_file_is_all_plus() -> None:
    assert file_diff("/x", "a\n", "a\n", masker) == ""
    assert file_diff("/x", None, "a\n", masker).splitlines()[:2] == ["--- /dev/null", "+++ b/x"]


def test_a_difference_that_lines_do_not_show_is_still_said() -> None:
    assert "last line" in file_diff("/x", "a", "a\n", masker)


def test_a_long_diff_is_cut() -> None:
    shown = file_diff("/x", "", "".join(f"line {i}\n" for i in range(1000)), masker)
    assert len(shown.splitlines()) == 201
    assert shown.endswith("more lines")
