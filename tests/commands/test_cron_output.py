"""The output of cron commands: rows with time and run, and a summary as the last line of jsonl."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_sale
from tests.selection import one_database
from tests.shops import Shop

CRON = ("queue retry", "billing run", "txn sync", "txn reconcile", "email send")
MONDAY, TUESDAY = "2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z"


def failed_refunds(shop: Shop, *tokens: str) -> None:
    for token in tokens:
        sale = make_sale(shop, token=token)
        shop.adopt()
        shop(f"txn refund {sale} --yes", at=MONDAY)


@one_database
@pytest.mark.parametrize("words", CRON)
def test_a_log_has_a_summary_if_nothing_was_due(shop: Shop, words: str) -> None:
    done = shop(f"{words} -o jsonl", at=TUESDAY)

    (line,) = done.log
    assert done.code == 0
    assert line["at"] == TUESDAY
    assert line["id"] is None
    assert line["summary"]["command"] == words
    assert line["summary"]["total"] == 0
    assert line["summary"]["exit"] == 0


def test_every_row_of_a_log_has_its_time_and_run(shop: Shop) -> None:
    failed_refunds(shop, "tok_refund_declined_1", "tok_refund_declined")

    *rows, last = shop("queue retry -o jsonl", at=TUESDAY).log

    assert {row["outcome"] for row in rows} == {"refunded", "queued"}
    assert {row["at"] for row in rows} == {TUESDAY}
    assert {row["run"] for row in rows} == {last["run"]}
    assert last["summary"]["outcomes"] == {"refunded": 1, "queued": 1}
    assert last["summary"]["amounts"]["refunded"] == {"USD": "19.99"}


@one_database
def test_two_runs_have_different_names(shop: Shop) -> None:
    runs: list[dict[str, Any]] = [shop("queue retry -o jsonl", at=day).log[-1] for day in (MONDAY, TUESDAY)]

    assert runs[0]["run"] != runs[1]["run"]


@one_database
def test_a_dry_run_says_so_in_the_summary(shop: Shop) -> None:
    failed_refunds(shop, "tok_refund_declined_1")

    last = shop("queue retry --dry-run -o jsonl", at=TUESDAY).log[-1]

    assert last["summary"]["dry_run"] is True


@one_database
def test_named_records_have_no_summary(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)
    shop.adopt()

    (row,) = shop(f"txn sync {sale} -o jsonl").log

    assert row["id"] == sale
    assert "summary" not in row


@one_database
def test_txn_sync_prints_only_transactions_that_changed(shop: Shop) -> None:
    early = make_sale(shop, settled=False, created_at="2026-03-02T08:00:00Z")
    make_sale(shop, settled=False, created_at="2026-03-03T08:00:00Z")
    shop.adopt()

    by_sale = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?changes=off"}
    *rows, last = shop("txn sync -o jsonl", at=TUESDAY, env=by_sale).log

    assert [row["id"] for row in rows] == [early]
    assert last["summary"]["outcomes"] == {"updated": 1, "skipped": 1}


@one_database
def test_other_formats_have_no_summary(shop: Shop) -> None:
    assert shop("queue retry -o json").json == []
    assert shop("queue retry -o name").out == ""
