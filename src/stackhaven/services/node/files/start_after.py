#!/usr/bin/python3
"""Has a program wait, while the machine boots and the cloud does not serve, for those that more depends on.

    start-after [--holder ADDRESS FIRST REST] SECONDS URL...

A controller that boots starts a dozen programs; each needs seconds of processor time before it can do anything.
All at once they are all late; in turns the first ones serve while the last ones start. The URLs are those of the VIP:
where another controller serves, as when only this one was lost, nobody waits. Nor does anybody after `SECONDS` in all,
or when the machine is not booting: a program that is started anew is needed at once.

Where machines share processors, the holder of ADDRESS goes before the others: it waits for the first FIRST URLs only,
and who had to wait for all of them starts REST seconds later: those who waited for the cloud come first.

Exit code 0 always.
"""

import http.client
import subprocess
import sys
import time
from urllib.parse import urlsplit

PAUSE_S = 2.0
PATIENCE_S = 10.0
BOOTING = ("initializing", "starting")


def booting():
    command = ["systemctl", "is-system-running"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    return said.strip() in BOOTING


def holds(address):
    """Whether this machine has the address now."""
    command = ["ip", "-oneline", "address", "show", "to", address]
    return bool(
        subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    )


def answers(url, timeout_s):
    """Whether somebody answers there, with more than that nobody can."""
    where = urlsplit(url)
    asks = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout_s)
    try:
        asks.request("GET", where.path)
        return asks.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asks.close()


def wait(seconds, urls, holder="", first=0, rest=0):
    """Until all answer, while the machine boots; gives those that were waited for in vain."""
    left = list(urls) if booting() else []
    spared = set(urls[first:]) if holder else set()
    ends, waited = time.monotonic() + seconds, False
    while left and time.monotonic() < ends:
        if left[0] in spared and holds(holder):
            return []
        if answers(left[0], min(PATIENCE_S, max(PAUSE_S, ends - time.monotonic()))):
            left.pop(0)
        else:
            waited = True
            time.sleep(PAUSE_S)
    if waited and not left:
        time.sleep(rest)
    return left


def main():
    words, holder, first, rest = sys.argv[1:], "", 0, 0
    if words[0] == "--holder":
        holder, first, rest, words = words[1], int(words[2]), float(words[3]), words[4:]
    try:
        left = wait(float(words[0]), words[1:], holder, first, rest)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"not waited: {error}", flush=True)
        return
    if left:
        print(f"starts without {', '.join(left)}", flush=True)


if __name__ == "__main__":
    main()
