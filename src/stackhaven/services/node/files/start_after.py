#!/usr/bin/python3
"""Has a program wait, while the machine boots and the cloud does not serve, for those that more depends on.

    start-after SECONDS URL...

A controller that boots starts a dozen programs; each needs seconds of processor time before it can do anything.
All at once they are all late; in turns the first ones serve while the last ones start. The URLs are those of the VIP:
where another controller serves, as when only this one was lost, nobody waits. Nor does anybody after `SECONDS` in all,
or when the machine is not booting: a program that is started anew is needed at once.

Exit code 0 always.
"""

import http.client
import subprocess
import sys
import time
import urllib.error
import urllib.request

PAUSE_S = 2.0
PATIENCE_S = 10.0
BOOTING = ("initializing", "starting")


def booting():
    command = ["systemctl", "is-system-running"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    return said.strip() in BOOTING


def answers(url, timeout_s):
    """Whether somebody answers there, with more than that nobody can."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, http.client.HTTPException):
        return False


def wait(seconds, urls):
    """Until all answer, while the machine boots; gives those that were waited for in vain."""
    left = list(urls) if booting() else []
    ends = time.monotonic() + seconds
    while left and time.monotonic() < ends:
        if answers(left[0], min(PATIENCE_S, max(PAUSE_S, ends - time.monotonic()))):
            left.pop(0)
        else:
            time.sleep(PAUSE_S)
    return left


def main():
    try:
        left = wait(float(sys.argv[1]), sys.argv[2:])
    except (OSError, subprocess.SubprocessError) as error:
        print(f"not waited: {error}", flush=True)
        return
    if left:
        print(f"starts without {', '.join(left)}", flush=True)


if __name__ == "__main__":
    main()
