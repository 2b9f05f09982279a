"""How long searches take in a process that is running, next to the scan that a person would write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, text

from benchmarks import seed
from benchmarks.figure import Bench, Result, milliseconds
from csctl.app import App
from csctl.bootstrap import start
from csctl.domain.fields import PERSON_OPTIONS
from csctl.domain.text import fold
from csctl.results import Paging
from csctl.services.views import customer_search
from csctl.settings import load

_SCAN = "SELECT id, first_name, last_name, email FROM customers WHERE {} ORDER BY created_at DESC, id DESC LIMIT 51"


def measure(bench: Bench) -> Iterator[Result]:
    app = start(load(bench.env, options={}, env_file=None), "customer search")
    try:
        number = bench.rows * 7 // 10
        last = fold(seed._common("last name", number, seed._names(seed.LAST_NAMES)))
        phone = f"{2_000_000 + seed._draw('phone', number, 8_000_000)}"
        cases: tuple[tuple[str, dict[str, Any], str, str], ...] = (
            ("a part of an email", {"email": (f"{number}@",)}, "lower(email) LIKE :word", f"%{number}@%"),
            ("the end of a phone number", {"phone": (phone[-6:],)}, "phone LIKE :word", f"%{phone[-6:]}"),
            ("a last name", {"last_name": (last,)}, "lower(last_name) LIKE :word", f"%{last}%"),
            ("a word without a match", {"query": ("zzzz",)}, "lower(first_name || last_name) LIKE :word", "%zzzz%"),
            ("two letters without a match", {"name": ("xq",)}, "lower(first_name || last_name) LIKE :word", "%xq%"),
            ("an IP address", {"ip": ("10.0.0.1",)}, "ip = :word", "10.0.0.1"),
        )
        for name, given, condition, word in cases:
            ours = milliseconds(lambda given=given: _search(app, given))  # type: ignore[misc]
            scan = _SCAN.format(condition)
            other = milliseconds(lambda scan=scan, word=word: _scan(app.engine, scan, word), times=1)  # type: ignore[misc]
            yield Result(f"customer search: {name}", ours, other, instead="SELECT … LIKE")
    finally:
        app.close()


def _search(app: App, given: dict[str, Any]) -> list[dict[str, Any]]:
    none = {"query": (), **dict.fromkeys(PERSON_OPTIONS, ())}
    search = customer_search.Search.of(**{**none, **given})
    return list(customer_search.customers(app, search, Paging(50)))


def _scan(engine: Engine, statement: str, word: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), {"word": word}))
