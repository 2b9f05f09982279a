"""Databases that older versions of csctl have written, with rows in each table that these versions fill.

`written/` has for each schema a SQLite file, a dump of PostgreSQL, and the sandbox's ledger of either. Refunds were
made and retried, returned, queued and left unknown there, sales charged, customers merged and erased, a file imported.
The cursor of an account that is not configured any more, and the move from an earlier database, were put in by hand.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import psycopg

from csctl.services.administration.operators import hash_of
from tests.shops import Shop

WRITTEN = Path(__file__).with_name("written")
VERSIONS = ("0009", "0018", "0030")
LAST_DAY = "2026-04-03T10:00:00Z"  # the latest work there


def put(shop: Shop, version: str) -> None:
    """Give the shop the database of a version, in place of an empty one, and the ledger that belongs to it."""
    if shop.database_url.startswith("sqlite"):
        Path(shop.database_url.removeprefix("sqlite:///")).write_bytes(_read(f"{version}.db.xz"))
        shop.sandbox.write_bytes(_read(f"{version}.ledger.xz"))
    else:
        lines = _read(f"{version}.sql.xz").decode().splitlines()
        statements = "\n".join(line for line in lines if not line.startswith("\\"))  # those are for psql
        with psycopg.connect(shop.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statements.encode())
        shop.sandbox.write_bytes(_read(f"{version}.pg-ledger.xz"))
    for role in ("admin", "agent", "service"):
        shop.sql(
            "UPDATE operators SET token_hash = :hash WHERE name = :role", hash=hash_of(shop.token(role)), role=role
        )


def _read(name: str) -> bytes:
    return lzma.decompress((WRITTEN / name).read_bytes())
