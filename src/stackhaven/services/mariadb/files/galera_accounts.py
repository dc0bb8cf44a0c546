#!/usr/bin/python3
"""Databases and their owners, as the JSON list on standard input says: [{database, user, password}, ...].

`check` exits 0 when all are there with these passwords; `apply` makes them so. Nothing is ever dropped.
"""

import json
import sys

import pymysql

SOCKET = "/run/mysqld/mysqld.sock"


def matches(cursor, account):
    cursor.execute(
        "SELECT JSON_VALUE(Priv, '$.authentication_string') = PASSWORD(%s) FROM mysql.global_priv"
        " WHERE User = %s AND Host = '%%'",
        (account["password"], account["user"]),
    )
    row = cursor.fetchone()
    if not row or not row[0]:
        return False
    cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (account["database"],))
    if not cursor.fetchone():
        return False
    cursor.execute(
        "SELECT 1 FROM mysql.db WHERE User = %s AND Host = '%%' AND Db = %s",
        (account["user"], account["database"]),
    )
    return bool(cursor.fetchone())


def make(cursor, account):
    user, database = account["user"], account["database"]
    cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb3")
    cursor.execute(f"CREATE USER IF NOT EXISTS `{user}`@'%%' IDENTIFIED BY %s", (account["password"],))
    cursor.execute(f"ALTER USER `{user}`@'%%' IDENTIFIED BY %s", (account["password"],))
    cursor.execute(f"GRANT ALL PRIVILEGES ON `{database}`.* TO `{user}`@'%'")


def main():
    accounts = json.load(sys.stdin)
    connection = pymysql.connect(
        unix_socket=SOCKET, user="root", connect_timeout=5, read_timeout=60, autocommit=True
    )
    with connection.cursor() as cursor:
        missing = [a for a in accounts if not matches(cursor, a)]
        if sys.argv[1] == "apply":
            for account in missing:
                make(cursor, account)
            return 0
    print(
        "missing or with another password: " + ", ".join(a["database"] for a in missing)
        if missing
        else "all there"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
