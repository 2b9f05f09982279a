"""Processor time of a command and of its PostgreSQL server: other work on the machine does not change it."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import make_url

_EVERY = 0.02  # seconds between two looks at the server's processes


def used(call: Callable[[], object], url: str) -> float:
    """The seconds that this process, its children and the server of the database spend on a call."""
    with _Server(make_url(url).database or "") as server:
        begun = _own()
        call()
        own = _own() - begun
    return own + server.seconds


def _own() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


class _Server:
    """The processes of a server on this machine that work for a database. With SQLite there are none."""

    def __init__(self, database: str) -> None:
        self._title = f" {database} "
        self._before, self._now = self._look(), dict[str, float]()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._spent = 0.0

    def __enter__(self) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        self._now |= self._look()

    @property
    def seconds(self) -> float:
        return sum(seconds - self._before.get(process, 0) for process, seconds in self._now.items()) - self._spent

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._now |= self._look()
        taken = resource.getrusage(resource.RUSAGE_THREAD)
        self._spent = taken.ru_utime + taken.ru_stime  # by looking, which is no part of the call

    def _look(self) -> dict[str, float]:
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                title = (folder / "cmdline").read_text().replace("\0", " ")
                if title.startswith("postgres: ") and self._title in title:
                    found[folder.name] = int((folder / "schedstat").read_text().split()[0]) / 1e9
            except OSError:
                continue  # it has ended
        return found
