#!/usr/bin/python3
"""Makes the first project, user, role and the identity endpoints; runs as the keystone user on one controller.

The JSON on standard input: {password, region, public_url, internal_url}. The password reaches keystone-manage inside
this process only: neither arguments nor the environment of a process show it.
"""

import json
import os
import sys


def main():
    wanted = json.load(sys.stdin)
    os.environ["OS_BOOTSTRAP_PASSWORD"] = wanted["password"]
    sys.argv = [
        "keystone-manage",
        "bootstrap",
        "--bootstrap-region-id",
        wanted["region"],
        "--bootstrap-public-url",
        wanted["public_url"],
        "--bootstrap-internal-url",
        wanted["internal_url"],
        "--bootstrap-admin-url",
        wanted["internal_url"],
    ]
    from keystone.cmd import manage

    return manage.main()


if __name__ == "__main__":
    sys.exit(main())
