"""Files in and out, next to the tools that write and read the same file without looking at it. Rows per second of
processor time, that of the server included.
"""

from __future__ import annotations

import csv
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figure import CSCTL, Bench, Result
from benchmarks.processor import used

_MOST = 100_000  # rows of a file
_COLUMNS = (
    *("external_id", "first_name", "last_name", "email", "phone", "ip", "billing_line1", "billing_city"),
    *("billing_region", "billing_postal_code", "billing_country", "created_at"),
)
_EXPORTED = (
    *("external_id", "first_name", "last_name", "email", "phone", "ip"),
    *(f"{kind}_{part}" for kind in ("billing", "shipping") for part in ("line1", "line2", "city")),
    *(f"{kind}_{part}" for kind in ("billing", "shipping") for part in ("region", "postal_code", "country")),
    "created_at",
)


def measure(bench: Bench) -> Iterator[Result]:
    rows = min(bench.rows, _MOST)
    mark = f"b{time.time_ns()}"  # of ids that the shop does not have
    files = {kind: bench.folder / f"{kind}.csv" for kind in _ROWS}
    for kind, path in files.items():
        _write(path, _ROWS[kind](mark, rows))
    shop = _shop(bench)
    yield _imported(shop, "customers", files["customers"], rows)
    shop.run(f"data import orders {files['orders']} -q")
    yield _imported(shop, "transactions", files["transactions"], rows)
    yield _exported(shop, rows)


def _imported(shop: Bench, kind: str, path: Path, rows: int) -> Result:
    ours = used(lambda: shop.run(f"data import {kind} {path} -q"), shop.url)
    if shop.backend == "SQLite":
        target = path.with_suffix(".other.db")
        target.unlink(missing_ok=True)
        tool = str(Path(CSCTL).with_name("sqlite-utils"))
        other = used(lambda: _run([tool, "insert", str(target), kind, str(path), "--csv"]), "sqlite://")
        instead, goal = "sqlite-utils insert --csv", "at least 0.5" if kind == "customers" else "at least 0.33"
    else:
        other = _copy(shop, kind, rows)
        instead, goal = "COPY of the stored rows, same indexes", "at least 0.1"
    name = f"data import {kind}, {rows:,} rows"
    return Result(name, rows / ours, rows / other, unit="rows/s", instead=instead, goal=goal)


def _exported(shop: Bench, rows: int) -> Result:
    ours = used(lambda: shop.run("data export customers -o csv"), shop.url)
    query = f"SELECT {', '.join(_EXPORTED)} FROM customers"  # noqa: S608 - our own words
    if shop.backend == "SQLite":
        other = used(lambda: _run(["sqlite3", "-csv", shop.url.removeprefix("sqlite:///"), query]), "sqlite://")
        instead = "sqlite3 -csv"
    else:
        other = used(lambda: _copy_out(shop, query), shop.url)
        instead = "COPY TO STDOUT"
    name = f"data export customers, {rows:,} rows"
    return Result(name, rows / ours, rows / other, unit="rows/s", instead=instead, goal="at least 0.1")


def customers(bench: Bench, rows: int) -> Path:
    """A file of customers that the shop does not have."""
    path = bench.folder / f"customers-{rows}.csv"
    _write(path, _customers(f"m{time.time_ns()}", rows))
    return path


def _shop(bench: Bench) -> Bench:
    """An empty shop; on PostgreSQL the one that is there."""
    if bench.backend != "SQLite":
        return bench
    url = f"sqlite:///{bench.folder / f'import-{time.time_ns()}.db'}"
    env = {**bench.env, "CSCTL_DATABASE_URL": url}
    made = bench.run("db init --admin bench --rehearsal -o json", env=env)
    return replace(bench, url=url, env={**env, "CSCTL_TOKEN": json.loads(made)["token"]})


def _copy(shop: Bench, kind: str, rows: int) -> float:
    """The seconds that COPY takes for the rows as they were stored, with the columns of searches, into a table with the
    same columns and indexes, which begins empty.
    """
    engine = shop.engine()
    driver = engine.raw_connection()
    cursor: Any = driver.cursor()
    cursor.execute(f"CREATE TABLE copied (LIKE {kind} INCLUDING DEFAULTS INCLUDING INDEXES)")
    with cursor.copy(f"COPY (SELECT * FROM {kind} ORDER BY id DESC LIMIT {rows}) TO STDOUT") as copy:  # noqa: S608
        stored = b"".join(copy)
    driver.commit()

    def load() -> None:
        with cursor.copy("COPY copied FROM STDIN") as copy:
            copy.write(stored)
        driver.commit()

    seconds = used(load, shop.url)
    cursor.execute("DROP TABLE copied")
    driver.commit()
    driver.close()
    engine.dispose()
    return seconds


def _copy_out(shop: Bench, query: str) -> None:
    engine = shop.engine()
    driver = engine.raw_connection()
    cursor: Any = driver.cursor()
    with cursor.copy(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)") as copy:
        for _part in copy:
            pass
    driver.close()
    engine.dispose()


def _write(path: Path, rows: Iterator[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _customers(mark: str, rows: int) -> Iterator[tuple[str, ...]]:
    yield _COLUMNS
    towns = (("Berlin", "BE", "DE"), ("Boston", "MA", "US"), ("Zürich", "ZH", "CH"), ("Leeds", "", "GB"))
    names = (("Zoë", "Kim"), ("Ann", "Lee"), ("Bjørn", "Dahl"), ("María", "García"), ("John", "Smith"), ("Wei", "Chen"))
    for number in range(rows):
        (first, last), (city, region, country) = names[number % 6], towns[number % 4]
        phone = f"+1217253{number % 10_000:04d}" if number % 2 else f"(617) 253-{number % 10_000:04d}"
        ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        made = f"2025-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:00:00Z"
        place = (f"{number % 900} Main Street", city, region, f"{10_000 + number % 80_000}", country)
        yield (f"{mark}-{number}", first, last, f"user{number}@example{number % 50}.com", phone, ip, *place, made)


def _orders(mark: str, rows: int) -> Iterator[tuple[str, ...]]:
    yield ("external_id", "customer", "currency", "placed_at")
    for number in range(rows):
        yield (f"{mark}-{number}", f"{mark}-{number}", "USD", f"2025-{1 + number % 12:02d}-{1 + number % 28:02d}")


def _transactions(mark: str, rows: int) -> Iterator[tuple[str, ...]]:
    """Nine sales, and a refund of the last one."""
    names = "external_id order kind state amount currency gateway gateway_ref settlement created_at parent"
    yield tuple(names.split())
    for number in range(rows):
        made = f"2025-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:00:00Z"
        back = number % 10 == 9
        order = f"{mark}-{number - back}"
        about = ("refund", "approved", "5.00") if back else ("sale", "approved", f"{10 + number % 90}.99")
        where = ("USD", "main", f"{mark}-{number}", "" if back else "settled", made, order if back else "")
        yield (f"{mark}-{number}", order, *about, *where)


_ROWS = {"customers": _customers, "orders": _orders, "transactions": _transactions}


def _run(words: list[str], env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own words
    return done.stdout
