"""Rules over a design: what no single value shows, from addresses that collide to majorities in one rack."""

from stackhaven.design.checks.rules import PLAN_RULES, check

__all__ = ["PLAN_RULES", "check"]
