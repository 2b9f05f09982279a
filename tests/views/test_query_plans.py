"""No command that reads, or moves money, looks at every row of a table that grows with the shop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks import seed
from csctl import database
from csctl.services.views import search_narrowing
from tests.administration.command_tree import leaves
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

# Tables that have as many rows as the shop has customers, orders or days.
LARGE = {
    *("customers", "payment_methods", "history", "orders", "purchases", "fulfillments", "transactions", "refund_queue"),
    *("approvals", "approval_decisions", "requests", "runs", "run_records", "emails", "audit", "audit_seals"),
}
LISTS = {
    "order list": "--status complete; --customer cus_1; --since 2026-01-01; --until 3d; --amount 5; --min-amount 5;"
    " --sort total; --sort -placed_at",
    "purchase list": "--status active; --customer cus_1; --due-before 2026-03-01; --amount 5; --max-amount 5;"
    " --sort next_bill_on; --sort -price",
    "txn list": "--order ord_1; --customer cus_1; --kind refund; --state approved; --state unknown;"
    " --settlement settled; --disputed; --gateway main; --card-last4 4242; --amount 5; --min-amount 5;"
    " --since 2026-01-01; --until 3d; --sort -amount",
    "fulfillment list": "--status shipped; --status hold; --order ord_1; --customer cus_1",
    "queue list": "--state queued; --state exhausted; --state any; --customer cus_1; --amount 5; --sort amount",
    "email list": "--state waiting; --state failed; --kind refund",
    "audit list": "--operator admin; --command 'txn refund'; --target txn_1; --since 2026-01-01; --until 3d",
    "run list": "--state running; --state complete",
    "approval list": "--state open; --state any",
    "customer history cus_1": "",
    "customer payment-method list cus_1": "",
    "blacklist list": "--customer cus_1",
}
SEARCHES = (
    "jane doe; C-1; cus_1; txn_1; pm_1; '212 555 0100'; xq; --name 'jane doe'; --first-name jane; --last-name doe;"
    " --email jane@; --phone 5550100; --address 'main street'; --city berlin; --region ny; --postal-code 1011;"
    " --country de; --ip 10.0.0.1; --card-last4 4242; --card-bin 42424; --order ord_1; --txn txn_1;"
    " --gateway-ref ref_1; --tracking TRK1; --external-id C-1; --status cancelled; --status active;"
    " --since 2026-01-01; --until 3d; --city berlin --status complete; --last-name doe --card-bin 4242"
)
SHOWN = (
    "customer show cus_1; customer show C-1; customer export cus_1; order show ord_1; order show O-1;"
    " purchase show pur_1; txn show txn_1; txn show ref_1; fulfillment show ful_1; queue show rfq_1;"
    " blacklist check --customer cus_1; report refunds --since 2026-03-01; run show run_1; email show eml_1;"
    " approval show apr_1; whoami; product list; product show prd_1; operator list;"
    " setting list; gateway list; db status; queue notify list"
)

# Where an index finds many for each condition: the index that is walked in the order of the list, until enough match.
# It has what is compared, so that rows are read only of what matches.
WALKED = {
    "customer search --country de --status refunded": "ix_customers_created_at",
    "order search --country de --status refunded": "ix_orders_status_orders_placed_at",
    "customer search --status refunded": "ix_orders_status_orders_placed_at",
}


# What looks at everything, as its help says: checks, exports, sums.
WHOLE = {"audit verify", "data export", "db check", "doctor", "queue stats"}
# What looks at no large table.
SMALL = {
    *("completion", "config show", "demo", "email preview", "gateway check", "help", "profile list", "sandbox ledger"),
    *("data mapping list", "data mapping show"),
}


# What moves money of named records, or of those that are due. Of one that is refused, all is read as well.
CHANGES = "queue retry; billing run; txn refund txn_1 txn_3 --yes; order refund ord_3 ord_4 --yes; txn sync txn_1"


def command_lines() -> Iterator[str]:
    for command, filters in LISTS.items():
        yield command
        yield from (f"{command} {words.strip()}" for words in filters.split(";") if words)
    for noun in ("customer", "order"):
        yield from (f"{noun} search {words.strip()}" for words in SEARCHES.split(";"))
    yield from (words.strip() for words in SHOWN.split(";"))


@contextmanager
def plans_of() -> Iterator[list[tuple[str, str]]]:
    """The plan of every statement that is sent, as lines, with the statement."""
    found: list[tuple[str, str]] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if many or not re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)", statement):
            return
        other = cursor.connection.cursor()
        if connection.dialect.name == "sqlite":
            other.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.extend((row[3], statement) for row in other.fetchall())
        else:
            other.execute("SET LOCAL enable_seqscan = off")
            other.execute(f"EXPLAIN (COSTS OFF) {statement}", parameters)
            found.extend((row[0].strip(), statement) for row in other.fetchall())
        other.close()

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def looks_at_all(plan: str, statement: str) -> bool:
    """Whether a line of a plan walks through a large table. In the order of an index it may, up to a limit."""
    scan = re.match(r"SCAN (\w+)( USING (COVERING )?INDEX)?", plan) or re.match(r"(?:-> +)?Seq Scan on (\w+)()", plan)
    if not scan or scan[1].removesuffix("_1") not in LARGE or _needs_trigrams(plan, statement):
        return False
    return not (scan[2] and "LIMIT" in statement)


def _needs_trigrams(plan: str, statement: str) -> bool:
    """On PostgreSQL without the extension, parts of these are looked for in every customer."""
    return "Seq Scan" in plan and bool(re.search(r"WHERE \(.*(phone_digits|postal_code)", " ".join(statement.split())))


def test_no_lookup_looks_at_all_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = database.connect(shop.database_url)
    seed.fill(engine, 40, queued=5)
    engine.dispose()
    if shop.database_url.startswith("sqlite"):
        shop.sql("DELETE FROM sqlite_stat1")  # tables that look small would be scanned
    scans: dict[str, list[str]] = {}
    for words in command_lines():
        with plans_of() as plans:
            done = shop(f"{words} -o json")
        assert done.code in (0, 4), (words, done.err)
        if bad := [f"{plan}: {statement}" for plan, statement in plans if looks_at_all(plan, statement)]:
            scans[words] = bad

    shop("sandbox adopt")
    for words in CHANGES.split(";"):
        with plans_of() as plans:
            done = shop(words)
        assert done.code in (0, 5), (words, done.err)
        if bad := [f"{plan}: {statement}" for plan, statement in plans if looks_at_all(plan, statement)]:
            scans[words] = bad
    assert len(shop("queue list --state succeeded -o json").json) == 5

    assert scans == {}
    if not shop.database_url.startswith("sqlite"):
        return  # so few rows are rather sorted there
    monkeypatch.setattr(search_narrowing, "_FEW", 0)  # as where each condition is met by many
    monkeypatch.setattr(search_narrowing, "_FEW_OF_SEVERAL", 0)
    for words, index in WALKED.items():
        with plans_of() as plans:
            shop(words)
        assert any(f"COVERING INDEX {index}" in plan for plan, _ in plans), words


def test_every_command_that_reads_large_tables_is_looked_at() -> None:
    reading = {leaf.path for leaf in leaves() if getattr(leaf.command, "changes", True) is False}
    tried = {path for path in reading for words in command_lines() if words.startswith(f"{path} ") or words == path}

    assert reading - tried == WHOLE | SMALL
