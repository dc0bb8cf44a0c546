"""The sizing and availability formulas (F-01 to F-40), each one function, exact and rounded so that demand is met."""
