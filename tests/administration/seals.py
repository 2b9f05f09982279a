"""An audit log to seal, and to tamper with."""

from __future__ import annotations

from typing import Any

from tests.shops import Shop


def note(shop: Shop, times: int = 1) -> None:
    """Write rows to the audit log."""
    for number in range(times):
        done = shop(f"setting set shop-name 'Shop {number}'")
        assert done.code == 0, done.err


def seal(shop: Shop) -> str:
    """Seal the audit log; the root."""
    done = shop("audit seal -o json", as_="service")
    assert done.code == 0, done.err
    return str(done.json["root"])


def findings(shop: Shop, *roots: str) -> dict[str, str]:
    """What verify finds: problems by target."""
    done = shop("audit", "verify", *[word for root in roots for word in ("--root", root)], "-o", "json")
    assert done.code == (5 if done.json else 0), done.err
    return {row["target"]: row["problem"] for row in done.json if row["check"] != "trigger"}


def tamper(shop: Shop, statement: str, **values: Any) -> None:
    """Change the audit log as the owner of the database can: with its triggers dropped."""
    if shop.database_url.startswith("sqlite"):
        for trigger in shop.sql("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            shop.sql(f"DROP TRIGGER {trigger['name']}")
    else:
        for table in ("audit", "audit_seals"):
            shop.sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    shop.sql(statement, **values)


INSERT = (
    "INSERT INTO audit (id, at, operator, command, changes, outcome)"
    " VALUES (:id, :at, 'mallory', 'txn refund', '{}', 'refunded')"
)
