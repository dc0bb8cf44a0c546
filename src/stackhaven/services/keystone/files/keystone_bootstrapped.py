#!/usr/bin/python3
"""Whether the first administrator and the identity endpoints are there, as the JSON on standard input says.

Asks the database on this controller; the password is proved by signing in, in the identity step.
"""

import json
import sys

import pymysql


def main():
    wanted = json.load(sys.stdin)
    connection = pymysql.connect(
        unix_socket="/run/mysqld/mysqld.sock",
        user="root",
        database="keystone",
        connect_timeout=5,
        read_timeout=20,
    )
    urls = {
        "public": wanted["public_url"],
        "internal": wanted["internal_url"],
        "admin": wanted["internal_url"],
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.interface, e.url FROM endpoint e JOIN service s ON s.id = e.service_id"
            " WHERE s.type = 'identity' AND e.region_id = %s",
            (wanted["region"],),
        )
        there = dict(cursor.fetchall())
        cursor.execute("SELECT 1 FROM local_user WHERE name = 'admin' AND domain_id = 'default'")
        administrator = cursor.fetchone()
    if there == urls and administrator:
        return 0
    print(f"administrator: {bool(administrator)}, identity endpoints: {there or 'none'}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
