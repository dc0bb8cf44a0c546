"""A lab as a whole: up, down, status, and the power of its nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stackhaven.errors import HavenError
from stackhaven.lab import cgroup, host, leftovers, locks, network, reach, state
from stackhaven.lab.bmc import control
from stackhaven.lab.home import Home, LabHome, require_free_space
from stackhaven.lab.image import Image, installed
from stackhaven.lab.node import Disk, console_tail
from stackhaven.lab.power import Machine
from stackhaven.lab.progress import Progress, silent, stage
from stackhaven.lab.seed import host_key, seed_of
from stackhaven.lab.spec import LabNode, LabSpec, cgroup_of
from stackhaven.lab.state import LabState, Power
from stackhaven.model.cloud import Role

UP_SPACE_GB = 1.0
SHUTDOWN_TIMEOUT_S = 90.0

_AT_ONCE = 8
_SSH_TIMEOUT_S = 90.0
_LOCK_TIMEOUT_S = 300.0

_SHARED_BY_CONTROLLERS = {"glance": "/var/lib/glance/images"}
"""Directories that stand for storage shared by all controllers, by the user who owns them."""


@dataclass(frozen=True, kw_only=True)
class NodeStatus:
    """One node now. `power` is "on", "off" (as asked) or "lost" (it should run and does not)."""

    name: str
    address: str
    power: str
    memory_mb: int
    disk_mb: int


@dataclass(frozen=True, kw_only=True)
class LabStatus:
    """The whole lab now. `image` is empty and there are no nodes when the lab was never made."""

    name: str
    image: str
    nodes: tuple[NodeStatus, ...]


class Lab:
    """The machines of one lab on this host."""

    def __init__(self, spec: LabSpec, home: Home | None = None) -> None:
        self.spec = spec
        self.home = home or Home.of_environment()
        self.files: LabHome = self.home.lab(spec.name)
        self._record_lock = threading.Lock()

    def up(
        self,
        image: Image,
        *,
        authorized_key: str,
        bmc_passwords: Mapping[str, str] | None = None,
        progress: Progress = silent,
    ) -> dict[str, str]:
        """Have every node running and answering by SSH. Idempotent, and goes on after any interruption.

        Args:
            image: what new disks are made on.
            authorized_key: public key line that may log in as root.
            bmc_passwords: that of each node's BMC, where the lab has BMCs.
            progress: told of each node's boot.

        Returns:
            The public host key (``ssh-ed25519 AAAA...``) of every node.

        Raises:
            HavenError: the host cannot run a lab, the image changed under existing disks, a node does not come up.

        """
        host.require_for_running()
        require_free_space(self.files.root, gb=UP_SPACE_GB, purpose="a running lab")
        with self.exclusively("haven lab up"):
            self._pin(image, authorized_key)
            network.build_hub(self.spec)
            control.ensure(self.spec, self.home, bmc_passwords or {})
            keys = {n.name: host_key(self.files.keys(n.name), comment=n.machine) for n in self.spec.nodes}
            self.each(keys, lambda name: self._boot(self.spec.node(name), progress))
        return keys

    def down(self, *, progress: Progress = silent, timeout_s: float = SHUTDOWN_TIMEOUT_S) -> tuple[str, ...]:
        """Stop every node in an orderly way and keep the disks.

        Returns:
            The nodes that did not stop within `timeout_s` and lost their power instead.

        """
        with self.exclusively("haven lab down"):
            orderly: dict[str, bool] = {}

            def halt(name: str) -> None:
                with stage(progress, "shut down", node=name):
                    orderly[name] = self.shutdown(name, timeout_s=timeout_s)

            # First: a node that leaves must not be switched on again by the others.
            control.stop(self.spec.name)
            self.each((n.name for n in self.spec.nodes), halt)
            network.remove_all(self.spec.name)
            cgroup.remove(cgroup_of(self.spec.name))
        return tuple(n.name for n in self.spec.nodes if not orderly[n.name])

    def purge(self, *, progress: Progress = silent) -> None:
        """Take the power of every node and remove every trace, also of nodes that are no longer described."""
        with (
            self.exclusively("haven lab down --purge"),
            stage(progress, f"remove lab {self.spec.name}"),
        ):
            leftovers.purge(self.spec.name, self.files)
            self._lock_file.unlink(missing_ok=True)

    def power_on(self, name: str, *, progress: Progress = silent) -> None:
        """Boot a node with its disk; return when its SSH answers."""
        node = self.known(name)
        network.build_hub(self.spec)
        self._boot(node, progress)

    def switch_on(self, name: str) -> None:
        """Begin to boot a node with its disk, as its power button does; return when its init lives."""
        node = self.known(name)
        with self._node_locked(node):
            self._want(node, Power.ON)
            self._machine(node).on()

    def power_off(self, name: str) -> None:
        """Take a node's power: nothing is flushed, stopped or said by it."""
        node = self.known(name)
        with self._node_locked(node):
            self._want(node, Power.OFF)
            self._machine(node).off()

    def power_reset(self, name: str, *, progress: Progress = silent) -> None:
        """Take a node's power and give it back; return when its SSH answers."""
        self.power_off(name)
        self.power_on(name, progress=progress)

    def shutdown(self, name: str, *, timeout_s: float = SHUTDOWN_TIMEOUT_S) -> bool:
        """Stop one node in an orderly way. False when it did not go by itself and lost its power."""
        node = self.known(name)
        with self._node_locked(node):
            self._want(node, Power.OFF)
            return self._machine(node).shutdown(timeout_s=timeout_s)

    def running(self) -> tuple[str, ...]:
        """Names of the nodes whose init lives."""
        return tuple(n.name for n in self.spec.nodes if cgroup.leader(n.cgroup) is not None)

    def status(self) -> LabStatus:
        """Power, memory and disk of every node. Quick, and never waits for a node."""
        record = state.load(self.files.state)
        if record is None:
            return LabStatus(name=self.spec.name, image="", nodes=())
        alive = self.running()
        return LabStatus(
            name=self.spec.name,
            image=record.image,
            nodes=tuple(self._status_of(node, record, alive=node.name in alive) for node in self.spec.nodes),
        )

    def known(self, name: str) -> LabNode:
        """The node of this name.

        Raises:
            HavenError: rule ``lab-node``; the text lists the names there are.

        """
        try:
            return self.spec.node(name)
        except KeyError:
            names = ", ".join(n.name for n in self.spec.nodes)
            raise HavenError(
                f"lab {self.spec.name} has no node {name!r}", todo=f"one of: {names}", rule="lab-node"
            ) from None

    def record(self) -> LabState:
        """What is written down of the lab.

        Raises:
            HavenError: rule ``lab-down`` when it was never made.

        """
        record = state.load(self.files.state)
        if record is None:
            raise HavenError(f"lab {self.spec.name} was never made", todo="haven lab up", rule="lab-down")
        return record

    def each(self, names: Iterable[str], act: Callable[[str], None]) -> None:
        """Run `act` for nodes at once. All are let finish; then every failure is told, not the first only."""
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            futures = [pool.submit(act, name) for name in names]
        raise_all(error for future in futures if (error := future.exception()) is not None)

    @contextmanager
    def exclusively(self, purpose: str) -> Iterator[None]:
        """Hold the lab against every other whole-lab command of this host."""
        with locks.held(self._lock_file, purpose=purpose, timeout_s=_LOCK_TIMEOUT_S):
            yield

    @property
    def _lock_file(self) -> Path:
        return self.home.labs / f".{self.spec.name}.lock"

    def _boot(self, node: LabNode, progress: Progress) -> None:
        with stage(progress, "boot", node=node.name):
            self.switch_on(node.name)
            if not reach.wait_for_ssh(self.spec.hub, node.address, timeout_s=_SSH_TIMEOUT_S):
                raise HavenError(
                    f"node {node.name} runs, but its SSH did not answer within {_SSH_TIMEOUT_S:g} s",
                    why=console_tail(self.files.console(node.name)),
                    todo=f"haven lab power reset {node.name}",
                    rule="lab-boot",
                )

    def _machine(self, node: LabNode) -> Machine:
        record = self.record()
        image = installed(record.image, self.home)
        binds = {}
        if Role.CONTROLLER in node.roles:
            for user, target in _SHARED_BY_CONTROLLERS.items():
                owner = image.owner(user)
                if owner is not None:
                    binds[target] = self.files.shared_owned_by(user, owner)
        disk = Disk(
            image=image.root,
            overlay=self.files.disk(node.name),
            root=self.files.root_of(node.name),
            console=self.files.console(node.name),
            binds=binds,
        )
        seed = seed_of(
            self.spec,
            node,
            key_directory=self.files.keys(node.name),
            authorized_key=record.authorized_key,
        )
        return Machine(spec=self.spec, node=node, disk=disk, seed=seed)

    def _status_of(self, node: LabNode, record: LabState, *, alive: bool) -> NodeStatus:
        wanted = record.power.get(node.name, Power.OFF)
        return NodeStatus(
            name=node.name,
            address=node.address,
            power="on" if alive else "lost" if wanted is Power.ON else "off",
            memory_mb=cgroup.memory_mb(node.cgroup),
            disk_mb=self._machine(node).disk.used_mb(),
        )

    def _pin(self, image: Image, authorized_key: str) -> None:
        record = state.load(self.files.state)
        if record is not None and record.image != image.id:
            raise HavenError(
                f"the disks of lab {self.spec.name} were made on image {record.image}, and the image now is {image.id}",
                why="a disk holds only what differs from its own image",
                todo="haven lab down --purge, then haven lab up",
                rule="lab-image",
            )
        record = record or LabState(image=image.id, authorized_key=authorized_key)
        state.save(self.files.state, replace(record, authorized_key=authorized_key))

    def _want(self, node: LabNode, power: Power) -> None:
        with (
            self._record_lock,
            locks.held(self.files.root / ".state.lock", purpose="the lab's record", timeout_s=10.0),
        ):
            state.save(self.files.state, self.record().with_power((node.name,), power))

    @contextmanager
    def _node_locked(self, node: LabNode) -> Iterator[None]:
        path = self.files.root / f".{node.name}.lock"
        with locks.held(path, purpose=f"power of {node.name}", timeout_s=_LOCK_TIMEOUT_S):
            yield


def raise_all(failures: Iterable[BaseException]) -> None:
    """Raise what was collected: one error as it is, several as one text."""
    errors = tuple(failures)
    for error in errors:
        if not isinstance(error, HavenError) or len(errors) == 1:
            raise error
    if errors:
        raise HavenError("\n".join(str(error) for error in errors))
