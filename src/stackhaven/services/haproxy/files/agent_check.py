#!/usr/bin/python3
"""Tells load balancers whether a program of this node wants new work: the "agent check" of HAProxy.

    agent-check ADDRESS PORT

The balancer sends the unit's name and a line end. While there is a file /run/stackhaven-drain/UNIT/drain, from before
the program stops until its application is loaded again, the answer is `drain`: sessions that are there go on, new ones
go elsewhere. Otherwise it is `ready up`. Whether the program works is asked by the balancer's health check, not here.
"""

import asyncio
import os
import sys

DRAIN = "/run/stackhaven-drain"
ANSWER_S = 2


async def answer(reader, writer):
    try:
        name = (await asyncio.wait_for(reader.readline(), ANSWER_S)).decode().strip()
        draining = name and "/" not in name and os.path.exists(f"{DRAIN}/{name}/drain")
        writer.write(b"drain\n" if draining else b"ready up\n")
        await asyncio.wait_for(writer.drain(), ANSWER_S)
    except (TimeoutError, OSError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(answer, sys.argv[1], int(sys.argv[2]), backlog=64)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
