"""From a workload and a catalogue to numbers of machines, always rounded so that the demand is met."""

from stackhaven.design.sizing.report import Sizing, size

__all__ = ["Sizing", "size"]
