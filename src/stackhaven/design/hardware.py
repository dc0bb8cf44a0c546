"""What can be bought: servers, drives, switches, prices optional. Frozen; every amount carries its unit."""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

from stackhaven.design.units import Clock, Quantity, Rate, Size, exact, quantity
from stackhaven.design.units import Kind as Measure
from stackhaven.model.cloud import Name, Part


def _size(text: str) -> Quantity:
    return quantity(text, Measure.SIZE)


class Drive(Part):
    """One kind of drive."""

    size: Size = Field(description="Capacity, such as 2.5 TB.")
    iops: int = Field(150, ge=1, description="Random reads per second.")
    price: float | None = Field(None, ge=0, description="Price of one, any currency, the same throughout.")


class Server(Part):
    """One model of server, fitted as it would be bought."""

    sockets: int = Field(2, ge=1, le=16, description="Processors.")
    cores_per_socket: int = Field(ge=1, le=512, description="Cores of one processor.")
    clock: Clock = Field(description="Clock of one core, such as 2.6 GHz.")
    smt_factor: float = Field(
        1.0,
        ge=1,
        le=2,
        description="What a core gains by its second thread; 1.0 without it. Measured, not 2.",
    )
    stick: Size = Field(description="Size of one memory stick.")
    sticks: int = Field(ge=1, le=128, description="Sticks fitted.")
    reserved_ram: Size = Field(description="Memory kept for the host itself (reserved_host_memory).")
    reserved_cores: int = Field(0, ge=0, description="Cores kept for the host itself.")
    drive: Name | None = Field(None, description="Kind of drive fitted, a name under `drives`.")
    drives: int = Field(0, ge=0, le=200, description="Drives fitted.")
    drive_slots: int = Field(0, ge=0, le=200, description="Places for drives.")
    links: int = Field(2, ge=1, le=16, description="Bonded network ports, each to another switch.")
    link_speed: Rate = Field(description="Speed of one port, such as 10 Gb/s.")
    price: float | None = Field(None, ge=0, description="Price of one server as fitted, drives included.")

    @property
    def cores(self) -> int:
        """Cores of the whole server."""
        return self.sockets * self.cores_per_socket

    @property
    def ram(self) -> Fraction:
        """Bytes installed."""
        return self.stick.base * self.sticks

    @property
    def guest_ram(self) -> Fraction:
        """Bytes left for guests."""
        return max(Fraction(0), self.ram - self.reserved_ram.base)

    @property
    def guest_cores(self) -> int:
        """Cores left for guests."""
        return max(0, self.cores - self.reserved_cores)

    @property
    def guest_hertz(self) -> Fraction:
        """Hertz of those cores, without what a second thread gains: an average demand is met by real cores."""
        return self.guest_cores * self.clock.base

    @property
    def peak_hertz_per_core(self) -> Fraction:
        """Hertz that one core gives a guest at its peak, second thread included."""
        return self.clock.base * exact(self.smt_factor)

    @property
    def bandwidth(self) -> Fraction:
        """Bits per second that survive the loss of one port; the port itself when there is only one."""
        return max(1, self.links - 1) * self.link_speed.base


class Switch(Part):
    """One model of switch."""

    ports: int = Field(48, ge=1, le=1024, description="Ports for servers.")
    uplinks: int = Field(4, ge=0, le=64, description="Ports to the core.")
    speed: Rate = Field(description="Speed of one port.")
    price: float | None = Field(None, ge=0, description="Price of one switch.")


class Hardware(Part):
    """A catalogue."""

    kind: str = Field("hardware", pattern="^hardware$", description="Always `hardware`.")
    servers: dict[Name, Server] = Field(min_length=1, description="Models of server by name.")
    drives: dict[Name, Drive] = Field(default_factory=dict, description="Kinds of drive by name.")
    switches: dict[Name, Switch] = Field(default_factory=dict, description="Models of switch by name.")
    rack_units: int = Field(40, ge=1, le=60, description="Servers that fit a rack, two switches aside.")

    def local_disk(self, server: Server) -> Fraction:
        """Bytes of a server's own drives; 0 when none are fitted or the kind is not listed."""
        drive = self.drives.get(server.drive) if server.drive else None
        return drive.size.base * server.drives if drive else Fraction(0)

    def local_iops(self, server: Server) -> int:
        """Random reads per second of a server's own drives."""
        drive = self.drives.get(server.drive) if server.drive else None
        return drive.iops * server.drives if drive else 0
