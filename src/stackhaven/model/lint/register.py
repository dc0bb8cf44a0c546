"""The recorded defects E-01 to E-55 in our own words, and for those no rule can catch, why not."""

from __future__ import annotations

import stackhaven.model.lint.balancer
import stackhaven.model.lint.cluster
import stackhaven.model.lint.logs
import stackhaven.model.lint.networks
import stackhaven.model.lint.relations
import stackhaven.model.lint.retired
import stackhaven.model.lint.storage
import stackhaven.model.lint.templates
import stackhaven.model.lint.words  # noqa: F401 - importing a module enters its rules
from stackhaven.model.lint.rule import rules

CASES: dict[str, str] = {
    "E-01": "The VIP lies in a network that none of its holders is attached to.",
    "E-02": "One storage node has two addresses, depending on the page.",
    "E-03": "Two controllers: no majority for database, queue or cluster manager.",
    "E-04": "memcached is bound to the VIP, or nobody says to what.",
    "E-05": "The secret set for the state transfer is not the one used.",
    "E-06": "Galera members name one neighbour, or a stranger, instead of all members.",
    "E-07": "The balancer listens on one port and clients are told another; an option's name is doubled.",
    "E-08": "The pattern of a mirroring policy matches no queue.",
    "E-09": "Three clusters are set up on the same machines; each destroys the one before.",
    "E-10": "Names, secrets and copies that differ between two recipes of one cloud.",
    "E-11": "Writes are spread over three Galera members.",
    "E-12": "Pacemaker resources without any tie between them.",
    "E-13": "An open port is taken for a usable database.",
    "E-14": "Statistics page and dashboard bind the same port; the page is open to all.",
    "E-15": "Cookie persistence where it can have no effect.",
    "E-16": "The database's port with two digits exchanged.",
    "E-17": "Both VRRP nodes master, no tracked script, no authentication.",
    "E-18": "One VIP carries everything.",
    "E-19": "Commands with typing errors of the page.",
    "E-20": "A backup that leaves services out, and commands with their words reversed.",
    "E-21": "Sizing that rounds down and mixes two factors.",
    "E-22": "The ring explained as a modulo and its power as random.",
    "E-23": "An overhead called half a percent and computed as five.",
    "E-24": "A mount option that is gone, and a device mounted by name.",
    "E-25": "Five copies on four nodes.",
    "E-26": "A Ceph network with a mask of eight bits, an option that does not exist, a journal on the data disk.",
    "E-27": "A compressed image uploaded as qcow2, into a store that wants raw.",
    "E-28": "Two ends of a VPN with different lifetimes; a subnet where the peer's address belongs.",
    "E-29": "A database open to the Internet.",
    "E-30": "Networks that are public, overlap, or have their gateway outside.",
    "E-31": "A dynamic range that contains all static addresses; two leases for one machine.",
    "E-32": "Ten VLANs for all tenants.",
    "E-33": "Machine definitions that contradict the plan, with misspelt attributes.",
    "E-34": "A subnet that was asked for and another that was printed.",
    "E-35": "A template with unknown and unused parameters, and a group asked for one address.",
    "E-36": "A scaling group whose smallest size is its largest.",
    "E-37": "Spaces in a URL, two secrets for one account, a section nobody reads.",
    "E-38": "A monitoring database with two spellings of its secret; a firewall rule deleted instead of added.",
    "E-39": "Certificate paths that differ, a space in a name, a copy from itself.",
    "E-40": "Two programs on port 9200 of one machine.",
    "E-41": "A log level pattern with a missing bar; lines joined after parsing.",
    "E-42": "A cache of another size than it was set to, with a driver that no longer exists.",
    "E-43": "A benchmark task with a wrong name, wrong criteria and a broken option.",
    "E-44": "A backlog of 150,000.",
    "E-45": "Default secrets, grants to everyone, protection off, weak ciphers, plain http.",
    "E-46": "A floating IP on the router's port.",
    "E-47": "Options of an image API that is gone.",
    "E-48": "An endpoint on one unit's own address.",
    "E-49": "A login URL that names the database's VIP; misspelt services.",
    "E-50": "A hypervisor on a machine that is also a controller.",
    "E-51": "Six nines a day with a zero too many.",
    "E-52": "A statistic whose sum is off by 160.",
    "E-53": "JSON without its last brace, in a Ruby file; a test bed with an `end` too many.",
    "E-54": "Slips of the pen: one service named for another.",
    "E-55": "Settings of a test bed: emulation, a RAM ratio of five, a variable without its underscore.",
}

ELSEWHERE: dict[str, str] = {
    "E-21": "arithmetic of a text, not a configuration: `haven size --documents` shows each result beside ours",
    "E-23": "arithmetic of a text: a design states the overhead once, in percent, and the factor follows from it",
    "E-34": "the printed output of a command: `haven verify` compares what was asked with what is there",
    "E-51": "arithmetic of a text: the formula and its vector are tests, `haven size --documents` shows it",
    "E-54": "prose: nothing that a program reads",
}
"""Cases that no rule over configuration can catch, with the reason and what covers them instead."""


def explain(rule_id: str) -> str | None:
    """Title, reason and cases of a rule, or None when there is no such rule."""
    rule = rules().get(rule_id)
    if rule is None:
        return None
    cases = "".join(f"\n  {case}: {CASES[case]}" for case in rule.catches)
    where = ", ".join(rule.kinds) or "any file"
    return f"{rule.id} ({rule.severity}; {where})\n{rule.title}.\n{rule.why}{cases}"


def caught_by(case: str) -> tuple[str, ...]:
    """The rules that catch a recorded case."""
    return tuple(rule.id for rule in rules().values() if case in rule.catches)
