"""What the cloud is wanted for: guests by flavor, volumes, objects, growth, and the losses to survive."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from pydantic import Field

from stackhaven.design.units import Clock, Rate, Size, exact
from stackhaven.model.cloud import Name, Part


class Flavor(Part):
    """One kind of guest and how many of it there are today."""

    count: int = Field(ge=0, le=1_000_000, description="Guests of this flavor today.")
    vcpus: int = Field(ge=1, le=1024, description="Virtual CPUs.")
    ram: Size = Field(description="Memory of one guest, such as 8 GB.")
    disk: Size | None = Field(None, description="Local disk of one guest.")
    volume: Size | None = Field(None, description="Volumes of one guest, in block storage.")
    average: Clock | None = Field(None, description="Average CPU use of one guest, such as 2 GHz.")
    peak: Clock | None = Field(None, description="Most CPU one guest ever uses.")
    iops: int = Field(0, ge=0, description="Reads per second of one guest on local disk.")
    bandwidth: Rate | None = Field(None, description="Network use of one guest, such as 200 Mb/s.")


class ObjectStore(Part):
    """Object storage (Swift)."""

    usable: Size = Field(description="Objects to be stored, such as 50 TB.")
    replicas: int = Field(3, ge=1, le=10, description="Copies.")
    zones: int = Field(1, ge=1, le=100, description="Zones wished for; copies never share one.")
    overhead_percent: float = Field(5.0, ge=0, lt=90, description="Share of a drive the filesystem takes.")
    max_growth: int = Field(
        1, ge=1, le=100, description="Largest size ever, as a multiple of today's drives."
    )
    server: Name | None = Field(None, description="Model of storage server. Default: most drive slots.")

    @property
    def fs_factor(self) -> Fraction:
        """Raw over formatted: 5 percent make 1/0.95 = 1.0526."""
        return 1 / (1 - exact(self.overhead_percent) / 100)


class BlockStore(Part):
    """Replicated block storage (Ceph)."""

    replicas: int = Field(3, ge=1, le=10, description="Copies.")
    fill_percent: float = Field(80, gt=0, le=95, description="Fullest a drive may get while a host is lost.")
    server: Name | None = Field(None, description="Model of storage server. Default: most drive slots.")


class Ratios(Part):
    """Virtual per physical. Today's defaults; a release of 2015 had 16 and 1.5."""

    cpu: float = Field(4.0, gt=0, le=64, description="vCPU per core.")
    ram: float = Field(1.0, gt=0, le=4, description="Guest memory per host memory.")
    disk: float = Field(1.0, gt=0, le=4, description="Guest disk per host disk.")


class Workload(Part):
    """Demand. Growth is compound and counted from today's numbers."""

    flavors: dict[Name, Flavor] = Field(min_length=1, description="Kinds of guest by name.")
    growth_per_year: float = Field(0.0, ge=0, le=10, description="0.2 is a fifth more each year.")
    years: int = Field(0, ge=0, le=20, description="Years the purchase has to last.")
    spare_hosts: int = Field(1, ge=0, le=100, description="Hypervisors that may fail at the same time.")
    ratios: Ratios = Field(default_factory=Ratios, description="Overcommitment.")
    write_penalty: float = Field(2.0, ge=1, le=10, description="Drive operations that one write costs.")
    objects: ObjectStore | None = Field(None, description="Object storage, if wanted.")
    blocks: BlockStore = Field(default_factory=BlockStore, description="Block storage of the volumes.")
    compute_server: Name | None = Field(
        None, description="Model of hypervisor. Default: the cheapest that does."
    )

    @property
    def growth(self) -> Fraction:
        """Factor on today's numbers at the end of the last year."""
        return (1 + exact(self.growth_per_year)) ** self.years

    def counts(self) -> dict[str, int]:
        """Guests per flavor at the end of the last year, rounded up."""
        return {name: ceil(flavor.count * self.growth) for name, flavor in self.flavors.items()}
