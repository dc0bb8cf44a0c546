"""Rules that a single line breaks: a table of patterns, each with what is wrong and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stackhaven.model.finding import Severity
from stackhaven.model.lint.rule import ERROR, WARNING, Hit, LintRule, Look, enter
from stackhaven.model.lint.sources import Source


@dataclass(frozen=True)
class Pattern:
    """A line that is wrong. `what` may use the groups of `regex` as {0}, {1}; group 0 is the whole match."""

    regex: str
    what: str
    todo: str


@dataclass(frozen=True)
class Word:
    """A rule made of patterns."""

    id: str
    title: str
    why: str
    patterns: tuple[Pattern, ...]
    catches: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: Severity = ERROR


_SCRIPTS = ("shell", "sql", "rc", "oslo", "rabbitmq", "vagrant", "json")

WORDS: tuple[Word, ...] = (
    Word(
        "command-misspelt",
        "A command that does not exist as written",
        "Commands copied from a page carry the page's typing errors; half of a procedure then runs.",
        (
            Pattern(r"rabbitmqctl\s+join-cluster", "rabbitmqctl has no join-cluster", "write join_cluster"),
            Pattern(r"\bcrm_mon\s+-l\b", "crm_mon -l (the letter) is not -1 (the digit)", "write crm_mon -1"),
            Pattern(r"(?<=\s)- -(out|file|json)\b", "a space cuts the option - -{1}", "write --{1}"),
            Pattern(r"\brabbitmg-server\b", "there is no rabbitmg-server", "write rabbitmq-server"),
            Pattern(r"--to\s+1xc:", "1xc is not a container type", "write lxc (lxd today)"),
        ),
        ("E-19", "E-43", "E-49"),
        ("shell", "juju"),
    ),
    Word(
        "service-argument-order",
        "The words of `service` are the wrong way round",
        "`service start mysql` looks for a service called start, and mysql stays down after a restore.",
        (
            Pattern(
                r"\bservice\s+(start|stop|restart|status)\s+([\w-]+)",
                "service {1} {2} asks for a service named {1}",
                "write systemctl {1} {2}",
            ),
        ),
        ("E-20",),
        ("shell",),
    ),
    Word(
        "fstab-nobarrier",
        "A mount option that is gone",
        "XFS refuses to mount with nobarrier since kernel 4.19; the storage node does not come back after its upgrade.",
        (Pattern(r"\bnobarrier\b", "nobarrier is no mount option any more", "remove it"),),
        ("E-24",),
        ("fstab", "shell"),
    ),
    Word(
        "fstab-device-name",
        "A filesystem is mounted by its device's name",
        "Names follow the order of discovery: after a reboot or a lost drive sdb may be another drive.",
        (
            Pattern(
                r"^\s*/dev/([shv]d[a-z]\d*)\s+/",
                "/dev/{1} may be another drive after the next boot",
                "write UUID=... (blkid) or LABEL=...",
            ),
        ),
        ("E-24",),
        ("fstab",),
    ),
    Word(
        "url-space",
        "A space inside a URL",
        "The rest of the line is cut off or the URL is refused; the service starts without its database.",
        (
            Pattern(
                r"=\s*(mongodb|mysql(?:\+pymysql)?|rabbit|https?)\s*:\s*//(?:\S*\s+[:@/]|\s|\S*[:@]\s)",
                "the {1} URL has a space in it",
                "write it without",
            ),
            Pattern(
                r"=\s*(mongodb|mysql|rabbit|https?)\s+://", "a space stands before ://", "write it without"
            ),
        ),
        ("E-37",),
        ("oslo", "rc", "shell"),
    ),
    Word(
        "san-space",
        "A space in a certificate's alternative names",
        "The name with the space matches no host: every client refuses the certificate.",
        (
            Pattern(
                r"subjectAltName\s*=.*(?:IP|DNS)\s*:\s+\S|subjectAltName\s*=.*(?:IP|DNS)\s+:",
                "a space stands inside the alternative name",
                "write subjectAltName = IP:10.0.0.1",
            ),
        ),
        ("E-39",),
    ),
    Word(
        "firewall-rule-deleted",
        "A firewall rule is deleted where one is added",
        "-D removes what was there; the port stays closed (or was open by that very rule).",
        (
            Pattern(
                r"\biptables\s+-D\s+INPUT\s.*--dport\s+(\d+).*-j\s+ACCEPT",
                "the rule that opens port {1} is deleted",
                "write -A, or -I INPUT 1",
            ),
        ),
        ("E-38",),
        ("shell",),
        WARNING,
    ),
    Word(
        "sysctl-somaxconn",
        "A backlog no kernel honours",
        "Values above 65535 are refused or cut by older kernels, and the program's own backlog is the limit anyway.",
        (
            Pattern(
                r"somaxconn\s*=?\s*(6553[6-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}|[7-9]\d{4}|\d{6,})\b",
                "somaxconn {1} has no effect above 65535",
                "write 4096 to 65535, and raise the program's backlog too",
            ),
        ),
        ("E-44",),
        (),
        WARNING,
    ),
    Word(
        "secret-default",
        "A password everybody knows",
        "Default and book passwords are the first that are tried.",
        (
            Pattern(
                r"(?i)\b(?:[a-z_]*password|[a-z_]*_pass|--pass(?:word)?|OS_PASSWORD)\b\s*[=: ]\s*[\"']?"
                r"(?:password|passw0rd|admin|secret|openstack|root|changeme|123456|Service123|zabbix)[\"']?\s*$",
                "a default password is set",
                "draw one at random (`haven up` does) and keep the file 0600",
            ),
            Pattern(r"://(guest:guest|root:root|nova:nova)@", "a default account is used", "make an account"),
        ),
        ("E-45",),
        _SCRIPTS,
        WARNING,
    ),
    Word(
        "sql-grant-wildcard",
        "An account with every right from every host",
        "A leaked SST or check account is then the whole database.",
        (
            Pattern(
                r"(?i)GRANT\s+ALL\b.*\bON\s+\*\.\*\s+TO\s+['\"]?([\w-]+)['\"]?@['\"]?%",
                "{1} gets all rights from any host",
                "grant what it needs, from localhost or the members' addresses",
            ),
            Pattern(
                r"(?i)CREATE USER\s+['\"]?(haproxy)['\"]?@\S+\s*;",
                "{1} has no password",
                "use a clustercheck over HTTP instead of a login",
            ),
        ),
        ("E-45",),
        ("sql", "shell"),
    ),
    Word(
        "hardening-off",
        "Protection is switched off",
        "SELinux off, root over SSH with a password and database root from everywhere are found by the first scan.",
        (
            Pattern(
                r"\bsetenforce\s+0|SELINUX\s*=\s*(?:disabled|permissive)",
                "SELinux is off",
                "fix the labels instead",
            ),
            Pattern(
                r"(?i)^\s*PermitRootLogin\s+yes", "root may log in with a password", "write prohibit-password"
            ),
            Pattern(
                r"(?i)allow_remote_root[\"']?\s*(?:=>|:|=)\s*true|['\"]root['\"]@['\"]%",
                "database root may come from any host",
                "root@localhost over the socket only",
            ),
        ),
        ("E-45", "E-55"),
    ),
    Word(
        "crypto-weak",
        "A cipher or hash that is broken or about to be",
        "MD5, SHA-1 and 1,536-bit groups can be attacked; both ends must change together.",
        (
            Pattern(
                r"(?i)(?:auth|encryption)[-_]algorithm[\"']?[ =:]+[\"']?(md5|sha1|3des)",
                "{1} is too weak",
                "sha256 and aes-256",
            ),
            Pattern(
                r"(?i)\bpfs[\"']?[ =:]+[\"']?(group[125])\b", "{1} is too weak", "write group14 or higher"
            ),
        ),
        ("E-45", "E-28"),
        (),
        WARNING,
    ),
    Word(
        "endpoint-http",
        "Tokens travel readable",
        "A token over http is a login for whoever listens on the way.",
        (
            Pattern(
                r"(?i)(?:publicurl|endpoint create .*public)\W+http://(\S+)",
                "a public endpoint is plain http: {1}",
                "https, ended at the balancer",
            ),
        ),
        ("E-45",),
        (),
        WARNING,
    ),
    Word(
        "test-only-setting",
        "A test bed's setting",
        "Emulated guests, a RAM ratio of five and debug logs are right in a lab and wrong where people work.",
        (
            Pattern(r"^\s*virt_type\s*=\s*(qemu)\b", "virt_type is {1}: guests are emulated", "write kvm"),
            Pattern(
                r"^\s*ram_allocation_ratio\s*=\s*([2-9]|1\.[6-9])(\.\d+)?\s*$",
                "ram_allocation_ratio {1} promises memory that is not there",
                "write 1.0; 1.5 at most",
            ),
            Pattern(r"^\s*(insecure|debug)\s*=\s*[Tt]rue", "{1} is on", "write false"),
        ),
        ("E-55",),
        ("oslo",),
        WARNING,
    ),
    Word(
        "rc-name",
        "A variable no client reads",
        "The clients read OS_AUTH_URL and its family; without the underscore the login is asked for and fails.",
        (
            Pattern(
                r"export\s+(OS(?:AUTH_?URL|USERNAME|PASSWORD|TENANT_?NAME|PROJECT_?NAME)|OS_AUTHURL)=",
                "nothing reads {1}",
                "write it with underscores: OS_AUTH_URL, OS_USERNAME",
            ),
        ),
        ("E-55",),
        ("rc", "shell"),
    ),
    Word(
        "section-unknown",
        "A section nobody reads",
        "Options in a section of another name are silently without effect.",
        (Pattern(r"^\s*\[(publisher_rpc|publisher_rcp)\]", "no service reads [{1}]", "write [publisher]"),),
        ("E-37",),
        ("oslo",),
    ),
    Word(
        "backup-login-root",
        "Backups log in as root",
        "The account that fetches a backup needs to read one directory, not to be root.",
        (
            Pattern(
                r"(?:rsync|scp|rsnapshot)\s.*\broot@([\w.-]+)",
                "root logs in to {1} for a copy",
                "make an account",
            ),
        ),
        ("E-45",),
        ("shell",),
        WARNING,
    ),
)


def _look(word: Word) -> Look:
    compiled = tuple((re.compile(p.regex), p) for p in word.patterns)

    def look(source: Source) -> Iterator[Hit]:
        for number, line in enumerate(source.lines, 1):
            for regex, pattern in compiled:
                found = regex.search(line)
                if found:
                    groups = [found[0], *(g or "" for g in found.groups())]
                    yield Hit(source, number, pattern.what.format(*groups), pattern.todo.format(*groups))

    return look


for _word in WORDS:
    enter(
        LintRule(
            id=_word.id,
            title=_word.title,
            why=_word.why,
            catches=_word.catches,
            kinds=_word.kinds,
            severity=_word.severity,
            look=_look(_word),
        )
    )
