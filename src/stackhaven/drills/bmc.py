"""The power of an existing machine, switched through its BMC by IPMI or Redfish.

    python -m stackhaven.drills.bmc

reads what to do as JSON from its standard input, where nobody else sees the password, and prints what came of it. It is
a process of its own because a BMC that is silent can hold up the library for longer than a drill can wait.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from pyghmi import exceptions  # type: ignore[import-untyped]
from pyghmi.ipmi.command import Command as IpmiCommand  # type: ignore[import-untyped]
from pyghmi.ipmi.private.session import Session as IpmiSession  # type: ignore[import-untyped]
from pyghmi.redfish.command import Command as RedfishCommand  # type: ignore[import-untyped]

from stackhaven.drills.errors import DrillError
from stackhaven.model.fencing import BmcAccess

Verb = Literal["on", "off", "reset", "look"]
SWITCHED_S = 60
ASKED_S = 90.0
_ERRORS = (
    exceptions.PyghmiException,
    exceptions.UnrecognizedCertificate,
    exceptions.TemporaryError,
    OSError,
    KeyError,
    ValueError,
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One order to one BMC. ``look`` changes nothing."""

    verb: Verb
    kind: str
    address: str
    user: str
    password: str
    verify_tls: bool


class _Bmc(Protocol):
    def get_power(self) -> dict[str, Any]: ...

    def set_power(self, powerstate: str, wait: int | bool = False) -> dict[str, Any]: ...


def order(machine: str, bmc: BmcAccess, password: str, verb: Verb, *, prefix: Sequence[str] = ()) -> str:
    """Have it done; gives ``on`` or ``off`` as the BMC says afterwards.

    Args:
        machine: name, for the error.
        bmc: how it is reached.
        password: of `bmc.user`.
        verb: what is to be done.
        prefix: words before the command, where another place than this one reaches the BMC.

    Raises:
        DrillError: rule ``drill-power``, the BMC did not do it or did not answer.

    """
    asked = Asked(
        verb=verb,
        kind=bmc.kind,
        address=bmc.address,
        user=bmc.user,
        password=password,
        verify_tls=bmc.verify_tls,
    )
    said = ""
    try:
        done = subprocess.run(
            [*prefix, sys.executable, "-m", __name__],
            input=json.dumps(asdict(asked)),
            capture_output=True,
            text=True,
            timeout=ASKED_S,
            check=False,
        )
        said = "".join(done.stderr.strip().splitlines()[-1:]).replace(password, "***")
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        answer = {"error": f"no answer within {ASKED_S:.0f} s"}
    except ValueError:
        answer = {"error": f"it could not be asked{': ' if said else ''}{said}"}
    if "error" in answer:
        raise DrillError(
            f"the BMC of {machine} at {bmc.address} ({bmc.kind}) did not obey: {answer['error']}",
            todo="its address and user are in `fencing` or at the machine, its password is set with haven secret set",
            rule="drill-power",
        )
    return str(answer["state"])


def carry_out(asked: Asked) -> str:
    """Do it here and now; raises what the library raises."""
    bmc = _connect(asked)
    if asked.verb != "look":
        bmc.set_power(asked.verb, wait=False if asked.verb == "reset" else SWITCHED_S)
    return str(bmc.get_power()["powerstate"])


def _connect(asked: Asked) -> _Bmc:
    if asked.kind == "redfish":
        trusted = None if asked.verify_tls else _any_certificate
        return RedfishCommand(asked.address, asked.user, asked.password, verifycallback=trusted)  # type: ignore[no-any-return]
    _propose_suite_3()
    return IpmiCommand(bmc=asked.address, userid=asked.user, password=asked.password)  # type: ignore[no-any-return]


def _propose_suite_3() -> None:
    """Have this process ask for the cipher suite that every BMC of IPMI 2.0 must have.

    The library proposes SHA-256 first, and misreads BMCs that answer with SHA-1 instead of refusing.
    """
    original = IpmiSession._open_rmcpplus_request

    def with_sha_1(session: Any) -> None:
        session.attemptedhash = 1
        original(session)

    IpmiSession._open_rmcpplus_request = with_sha_1


def _any_certificate(_: bytes) -> bool:
    """For BMCs that sign their own, where the operator has said so."""
    return True


def main() -> int:
    """Read the order, carry it out, print the answer as JSON."""
    asked = Asked(**json.load(sys.stdin))
    try:
        answer = {"state": carry_out(asked)}
    except _ERRORS as error:
        said = str(error).replace(asked.password, "***") or type(error).__name__
        answer = {"error": said}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
