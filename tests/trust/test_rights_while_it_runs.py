"""A right that is taken away while a command runs holds from the next record on."""

from __future__ import annotations

import json

import pytest

from tests.factories import make_fulfillment, make_sale
from tests.selection import one_database
from tests.shops import Shop


def refunds_of_three(shop: Shop, change: str) -> tuple[int, list[dict[str, object]], str]:
    """Refund three sales one after the other, and change something while the first is at the gateway."""
    sales = [make_sale(shop) for _ in range(3)]
    slow = {"CSCTL_GATEWAY_MAIN": shop.env["CSCTL_GATEWAY_MAIN"] + "?latency_ms=900"}
    process = shop.start(f"txn refund {' '.join(sales)} --amount 5 --yes -o json", as_="agent", env=slow)
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent'")
    shop.sql(change)
    out, err = process.communicate(timeout=60)
    return process.returncode or 0, json.loads(out), err


@one_database
def test_an_operator_who_is_disabled_gets_no_further_than_the_record_in_hand(shop: Shop) -> None:
    code, rows, err = refunds_of_three(shop, "UPDATE operators SET disabled_at = created_at WHERE name = 'agent'")

    assert code != 0
    assert [row["outcome"] for row in rows] == ["refunded", "refused"]
    assert [row["kind"] for row in shop.ledger() if row["kind"] == "refund"] == ["refund"]
    assert "2 of 3 records remain" in err or "remain" in err


@one_database
def test_a_limit_that_is_lowered_holds_from_the_next_record_on(shop: Shop) -> None:
    lowered = "INSERT INTO settings VALUES ('agent-refund-limit:USD', '1 USD', '2026-03-02 09:00:00')"
    code, rows, _ = refunds_of_three(shop, lowered)

    assert code == 3
    assert [row["outcome"] for row in rows] == ["refunded", "refused", "refused"]


@one_database
@pytest.mark.parametrize("change", ["disabled_at = created_at", "role = 'service'", "token_expires_at = created_at"])
def test_changes_without_a_gateway_stop_as_well(shop: Shop, change: str) -> None:
    shipments = [make_fulfillment(shop) for _ in range(3)]
    update = f"UPDATE operators SET {change} WHERE name = 'agent'"  # noqa: S608 - the line above
    shop.sql(f"CREATE TRIGGER meanwhile AFTER UPDATE ON fulfillments BEGIN {update}; END")

    done = shop(f"fulfillment hold {' '.join(shipments)} --yes", as_="agent")

    assert done.code != 0
    assert "may not continue" in done.err
    held = shop.sql("SELECT status FROM fulfillments ORDER BY id")
    assert [row["status"] for row in held] == ["hold", "pending", "pending"]
    assert shop.sql("SELECT count(*) AS n FROM audit WHERE outcome = 'refused'") == [{"n": 1}]
