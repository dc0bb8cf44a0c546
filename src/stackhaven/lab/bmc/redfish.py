"""Redfish: the part of a BMC's service that concerns power, with TLS and a login.

Served are the service root, the systems, the one system and its reset action (DMTF DSP0266); everything else answers
404 in the form the specification asks for. The root is open to all, as the specification wants it.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

from stackhaven.errors import HavenError
from stackhaven.lab.bmc.switch import Switch

PORT = 443
ROOT = "/redfish/v1"

_LOG = logging.getLogger(__name__)
_LONGEST_BODY_BYTES = 65536
_CLIENT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Answer:
    """A status, and a JSON document unless there is nothing to say."""

    status: HTTPStatus
    document: Mapping[str, Any] | None = None


class System:
    """One node as a Redfish service."""

    def __init__(self, switch: Switch, uuid: UUID) -> None:
        self._switch = switch
        self._uuid = uuid
        self._systems = f"{ROOT}/Systems"
        self._self = f"{self._systems}/{switch.node}"
        self._reset = f"{self._self}/Actions/ComputerSystem.Reset"
        self._orders: Mapping[str, Callable[[], None]] = {
            "On": switch.on,
            "ForceOn": switch.on,
            "ForceOff": switch.off,
            "ForceRestart": switch.cycle,
            "PowerCycle": switch.cycle,
            "GracefulShutdown": switch.shutdown,
        }

    def get(self, path: str) -> Answer:
        """The resource at a path."""
        documents: Mapping[str, Callable[[], Mapping[str, Any]]] = {
            "/redfish": lambda: {"v1": f"{ROOT}/"},
            ROOT: self._root,
            self._systems: self._collection,
            self._self: self._system,
        }
        document = documents.get(path.rstrip("/"))
        return Answer(HTTPStatus.OK, document()) if document else _missing(path)

    def post(self, path: str, body: Any) -> Answer:
        """Carry out an action; the answer to an order off comes when the node is off."""
        if path.rstrip("/") != self._reset:
            return _missing(path)
        wanted = body.get("ResetType") if isinstance(body, dict) else None
        order = self._orders.get(str(wanted))
        if order is None:
            return _error(
                HTTPStatus.BAD_REQUEST,
                "ActionParameterNotSupported",
                f"ResetType {wanted!r} is not supported",
            )
        try:
            order()
        except HavenError as error:
            _LOG.error("%s: %s", self._switch.node, error)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", str(error))
        return Answer(HTTPStatus.NO_CONTENT)

    def _root(self) -> Mapping[str, Any]:
        return {
            "@odata.id": f"{ROOT}/",
            "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
            "Id": "RootService",
            "Name": "Root Service",
            "RedfishVersion": "1.6.0",
            "UUID": str(self._uuid),
            "Systems": {"@odata.id": self._systems},
        }

    def _collection(self) -> Mapping[str, Any]:
        return {
            "@odata.id": self._systems,
            "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection",
            "Name": "Computer System Collection",
            "Members@odata.count": 1,
            "Members": [{"@odata.id": self._self}],
        }

    def _system(self) -> Mapping[str, Any]:
        return {
            "@odata.id": self._self,
            "@odata.type": "#ComputerSystem.v1_10_0.ComputerSystem",
            "Id": self._switch.node,
            "Name": self._switch.node,
            "SystemType": "Virtual",
            "UUID": str(self._uuid),
            "PowerState": "On" if self._switch.is_on() else "Off",
            "Status": {"State": "Enabled", "Health": "OK"},
            "Actions": {
                "#ComputerSystem.Reset": {
                    "target": self._reset,
                    "ResetType@Redfish.AllowableValues": list(self._orders),
                }
            },
        }


class RedfishServer(ThreadingHTTPServer):
    """A node's service on one address. A thread per client; one that says nothing is hung up on."""

    daemon_threads = True

    def __init__(self, system: System, *, address: str, user: str, password: str, certificate: Path) -> None:
        super().__init__((address, PORT), _Handler)
        self.system = system
        self.credentials = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate)
        # The handshake is the client's thread's part: in the listening one a silent client would stop all others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """A client that breaks off is no event."""
        _LOG.debug("client %s broke off", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "haven-bmc"
    sys_version = ""
    timeout = _CLIENT_TIMEOUT_S
    server: RedfishServer

    def do_GET(self) -> None:
        """Answer with a resource."""
        if self._may():
            self._answer(self.server.system.get(self.path))

    def do_POST(self) -> None:
        """Carry out an action."""
        body = self._body()
        if self._may():
            self._answer(self.server.system.post(self.path, body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Into our own log."""
        _LOG.debug("%s %s", self.client_address[0], format % args)

    def _may(self) -> bool:
        """Whether the client may see the path; when not, it has been told."""
        if self.path.rstrip("/") in {"/redfish", ROOT}:
            return True
        if hmac.compare_digest(
            self.headers.get("Authorization", "").encode(), self.server.credentials.encode()
        ):
            return True
        self._answer(_error(HTTPStatus.UNAUTHORIZED, "NoValidSession", "user or password is wrong"))
        return False

    def _body(self) -> Any:
        try:
            length = int(self.headers.get("Content-Length", 0))
            return json.loads(self.rfile.read(min(length, _LONGEST_BODY_BYTES)))
        except ValueError:
            return None

    def _answer(self, answer: Answer) -> None:
        content = b"" if answer.document is None else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("OData-Version", "4.0")
        if answer.status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="BMC"')
        if content:
            self.send_header("Content-Type", "application/json")
        if answer.status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _missing(path: str) -> Answer:
    return _error(HTTPStatus.NOT_FOUND, "ResourceMissingAtURI", f"there is nothing at {path}")


def _error(status: HTTPStatus, kind: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": f"Base.1.8.{kind}", "message": message}})
