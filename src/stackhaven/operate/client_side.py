"""Standing where a cloud's clients stand: for a lab inside its hub, for existing hosts right here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from stackhaven.lab.reach import enter_hub
from stackhaven.model.cloud import Cloud

T = TypeVar("T")


def as_client(cloud: Cloud, work: Callable[[], T]) -> Future[T]:
    """Do `work` in a thread that reaches the VIPs; threads and processes that it starts follow.

    A network namespace belongs to a thread, so the caller stays where it is. The future fails with rule ``lab-down``
    when the lab has no network.
    """
    future: Future[T] = Future()

    def begin() -> None:
        try:
            if cloud.lab is not None:
                enter_hub(cloud.name)
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=begin, name=f"client of {cloud.name}", daemon=True).start()
    return future
