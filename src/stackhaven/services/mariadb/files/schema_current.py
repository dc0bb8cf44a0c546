#!/usr/bin/python3
"""Whether a database's schema is the one that the installed code wants.

    schema-current DATABASE VERSIONS_DIR [TABLE]

The heads of the alembic migrations below VERSIONS_DIR (revisions that no other one follows) are compared with the
rows of the version table. Exits 0 when they are the same; a package upgrade that brings a migration makes it 1.
"""

import pathlib
import re
import sys

import pymysql

REVISION = re.compile(r"^revision(?:\s*:\s*\w+)?\s*=\s*(.+)$", re.MULTILINE)
# A revision that another branch depends on has no row of its own in the version table either.
BEFORE = re.compile(r"^(?:down_revision|depends_on)(?:\s*:[^=]+)?\s*=\s*(.+)$", re.MULTILINE)


def heads(directory):
    revisions, followed = set(), set()
    for path in pathlib.Path(directory).rglob("*.py"):
        text = path.read_text()
        found = REVISION.search(text)
        if not found:
            continue
        names = constants(text)
        revisions.update(values(found[1], names))
        for before in BEFORE.finditer(text):
            followed.update(values(before[1], names))
    return revisions - followed


def constants(text):
    return dict(re.findall(r"^(\w+)\s*=\s*['\"](\w+)['\"]\s*$", text, re.MULTILINE))


def values(expression, names):
    """The revision ids an assignment names: literals, or constants of the same file."""
    literals = re.findall(r"['\"](\w+)['\"]", expression)
    return literals or [names[word] for word in re.findall(r"\w+", expression) if word in names]


def main():
    database, directory = sys.argv[1:3]
    table = sys.argv[3] if len(sys.argv) > 3 else "alembic_version"
    connection = pymysql.connect(
        unix_socket="/run/mysqld/mysqld.sock",
        user="root",
        database=database,
        connect_timeout=5,
        read_timeout=20,
    )
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT version_num FROM `{table}`")
        except pymysql.ProgrammingError:
            print("no schema yet")
            return 1
        there = {row[0] for row in cursor.fetchall()}
    wanted = heads(directory)
    if there == wanted:
        return 0
    print(f"schema is at {sorted(there)}, the code wants {sorted(wanted)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
