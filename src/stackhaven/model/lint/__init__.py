"""Rules over the configuration files of a cloud that somebody else built. Pure: texts in, findings out."""

from stackhaven.model.lint.register import CASES, explain
from stackhaven.model.lint.rule import LintRule, rules
from stackhaven.model.lint.run import lint
from stackhaven.model.lint.sources import Source

__all__ = ["CASES", "LintRule", "Source", "explain", "lint", "rules"]
