"""A text and what kind of configuration it is, told from its name and its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

LONGEST_LINE = 4000
"""Longer lines are cut before a pattern sees them; no configuration has any."""

MOST_LINES = 50_000

_NEVER = r"(?!)"
_KINDS: tuple[tuple[str, str, str], ...] = (
    ("haproxy", r"haproxy.*\.cfg$", r"^\s*(listen|frontend|backend)\s+\S+"),
    ("keepalived", r"keepalived.*\.conf$", r"^\s*vrrp_instance\s"),
    ("corosync", r"corosync.*\.conf$", r"^\s*totem\s*\{"),
    ("galera", r"(galera|wsrep|mysql|mariadb|my)[^/]*\.cnf$", r"^\s*wsrep_\w+\s*="),
    ("rabbitmq", r"rabbitmq[^/]*\.(conf|config)$", r"^\s*(listeners\.tcp|cluster_formation)\."),
    ("ceph", r"ceph[^/]*\.conf$", r"^\s*\[(osd|mon)(\.\w+)?\]"),
    ("zabbix", r"zabbix[^/]*\.conf(\.php)?$", r"^\s*DBPassword\s*="),
    ("memcached", r"(^|/)memcached(\.conf)?$", r"^\s*CACHESIZE\s*="),
    ("sysctl", r"sysctl[^/]*\.conf$|sysctl\.d/", r"^\s*net\.core\.\w+\s*="),
    ("fstab", r"(^|/)fstab$", r"^\s*(/dev/\S+|UUID=\S+)\s+/\S*\s+(xfs|ext4)\s"),
    ("hosts", r"(^|/)hosts$", r"^127\.0\.0\.1\s+localhost"),
    ("dhcp", r"(dhcpd|dnsmasq)[^/]*\.conf$", r"^\s*(dhcp-range\s*=|range\s+\d+\.)"),
    ("ring", r"\.builder(\.txt)?$|(^|/)ring[^/]*\.txt$", r"\d+ partitions, [\d.]+ replicas"),
    (
        "grok",
        r"\.grok$|(^|/)patterns?(/|$)|logstash[^/]*\.conf$",
        r"^\s*(grok|multiline)\s*\{|^[A-Z]+LEVEL\s",
    ),
    ("hot", _NEVER, r"^\s*[\"']?heat_template_version"),
    ("rally", _NEVER, r"[\"']?(NovaServers|KeystoneBasic|Authenticate|CinderVolumes)\.\w+"),
    ("xcat", _NEVER, r"^\s*\$?\s*(chdef|mkdef)\s"),
    ("juju", r"bundle[^/]*\.ya?ml$", r"^\s*(services|applications):\s*$"),
    ("sql", r"\.sql$", r"^\s*(GRANT|CREATE USER)\b"),
    ("rc", r"(openrc|keystonerc)[^/]*$|rc\.sh$", r"^\s*export\s+OS_?[A-Z]"),
    ("vagrant", r"(^|/)Vagrantfile[^/]*$", r"Vagrant\.configure"),
    ("ruby", r"\.rb$", _NEVER),
    ("json", r"\.json$", _NEVER),
    ("shell", r"\.(sh|bash)$", r"^#!.*\b(ba)?sh\b"),
    (
        "shell",
        _NEVER,
        r"^\s*[$#]?\s*(pcs|crm|rabbitmqctl|openstack|nova|glance|neutron|cinder|iptables|scp)\s",
    ),
    ("elasticsearch", r"elasticsearch\.ya?ml$", r"^\s*http\.port:"),
    ("xinetd", r"(^|/)xinetd\.d/", r"^\s*service\s+\w+\s*$"),
    (
        "oslo",
        r"(^|/)(nova|neutron|keystone|glance|cinder|heat|placement|ceilometer|ml2|octavia|aodh)[^/]*\.(conf|ini)$",
        r"^\s*\[(DEFAULT|database|keystone_authtoken|oslo_messaging_\w+)\]",
    ),
)
KIND_NAMES = tuple(dict.fromkeys(kind for kind, _, _ in _KINDS))


@dataclass(frozen=True)
class Source:
    """One file as it was read. Line numbers count from 1."""

    file: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines, over-long ones cut."""
        return tuple(line[:LONGEST_LINE] for line in self.text.split("\n")[:MOST_LINES])

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Every kind that fits; a recipe may be shell and SQL at once."""
        text = "\n".join(self.lines)
        by_name = {kind for kind, name, _ in _KINDS if re.search(name, self.file)}
        by_words = {kind for kind, _, words in _KINDS if re.search(words, text, re.MULTILINE)}
        return frozenset(by_name | by_words)

    def is_a(self, *kinds: str) -> bool:
        """Whether the file is of one of these kinds; no kind asked means any."""
        return not kinds or bool(self.kinds.intersection(kinds))

    @property
    def base(self) -> str:
        """The file's name without its directory."""
        return self.file.replace("\\", "/").rsplit("/", maxsplit=1)[-1]
