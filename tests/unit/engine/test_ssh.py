from __future__ import annotations

import ast
import sys
import zlib
from pathlib import Path

import pytest

from stackhaven.engine import agent
from stackhaven.engine.bundle import MODULES, payload, remote_command, sources
from stackhaven.engine.ssh import LocalTarget, SshTarget, reason_of

pytestmark = pytest.mark.unit

TARGET = SshTarget(
    name="c1",
    address="10.0.0.11",
    known_hosts=Path("/a b/known_hosts"),
    key=Path("/k"),
    prefix=("nsenter", "--"),
)


def options(target: SshTarget) -> dict[str, str]:
    argv = target.argv()
    pairs = (argv[i + 1] for i, word in enumerate(argv) if word == "-o")
    return dict(pair.split("=", 1) for pair in pairs)


def test_the_client_trusts_pinned_keys_only_and_never_asks() -> None:
    found = options(TARGET)
    assert found["StrictHostKeyChecking"] == "yes"
    assert found["UserKnownHostsFile"] == '"/a b/known_hosts"'
    assert found["GlobalKnownHostsFile"] == "/dev/null"
    assert (found["BatchMode"], found["UpdateHostKeys"], found["ControlMaster"]) == ("yes", "no", "no")
    assert {"ConnectTimeout", "ServerAliveInterval", "ServerAliveCountMax"} <= found.keys()


def test_the_argument_list_starts_with_the_prefix_and_ends_with_the_agent() -> None:
    argv = TARGET.argv()
    assert argv[:3] == ["nsenter", "--", "ssh"]
    assert argv[-3:-1] == ["--", "10.0.0.11"]
    assert argv[-1].startswith("/usr/bin/python3 -I -S -c ")


def test_another_account_uses_sudo_that_never_asks() -> None:
    target = SshTarget(name="c1", address="c1", user="admin", known_hosts=Path("/k"))
    assert target.argv()[-1].startswith("sudo -n /usr/bin/python3 ")
    assert "-i" not in target.argv()


def test_only_nodes_of_this_machine_get_the_quick_key_exchange() -> None:
    assert "KexAlgorithms" not in options(TARGET)
    near = SshTarget(name="c1", address="c1", known_hosts=Path("/k"), nearby=True)
    assert options(near)["KexAlgorithms"] == "^curve25519-sha256"


def test_a_local_target_is_the_agent_behind_a_prefix() -> None:
    assert LocalTarget(name="x", prefix=("podman", "exec", "-i", "x")).argv()[:5] == [
        "podman", "exec", "-i", "x", "/usr/bin/python3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stderr", "what"),
    [
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "wrong host key",
        ),
        ("No ED25519 host key is known for c1.\nHost key verification failed.", "not known to this cloud"),
        ("admin@c1: Permission denied (publickey).", "authentication refused"),
        ("ssh: connect to host c1 port 22: No route to host", "no route"),
        ("ssh: Could not resolve hostname c1: Name or service not known", "does not resolve"),
        ("something new", "the agent did not start: something new"),
        ("", "code 255"),
    ],
)
def test_what_the_client_says_is_told_in_our_words(stderr: str, what: str) -> None:
    assert what in reason_of(stderr, 255)[0]


def test_the_agent_is_standard_library_of_python_3_9_only() -> None:
    allowed = sys.stdlib_module_names | {"stackhaven"}
    for name, text in sources().items():
        tree = ast.parse(text, feature_version=(3, 9))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, name
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                assert module.split(".")[0] in allowed, name
                assert not module.startswith("stackhaven") or module in sources(), name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "compile"}, name


def test_every_module_of_the_agent_is_sent() -> None:
    folder = Path(agent.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} == {*MODULES, "__init__"}


def test_the_program_is_small_and_follows_on_standard_input() -> None:
    sent = payload("MARK")
    length, _, rest = sent.partition(b"\n")
    assert zlib.decompress(rest[: int(length)]).startswith(b"SOURCES = ")
    assert rest[int(length) :] == b"MARK\n"
    assert len(sent) < 40_000
    assert len(" ".join(remote_command())) < 200
