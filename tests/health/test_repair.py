"""`db repair` corrects the totals of sales that differ from their refunds."""

from __future__ import annotations

import pytest

from tests.factories import make_sale
from tests.shops import Shop


@pytest.mark.both_databases
def test_totals_follow_from_the_refunds_again(shop: Shop) -> None:
    whole, part, voided = make_sale(shop), make_sale(shop, amount="20.00"), make_sale(shop, settled=False)
    assert shop(f"txn refund {whole} --yes").code == shop(f"txn refund {part} --amount 8 --yes").code == 0
    order = shop(f"txn show {whole} -o json").json["order_id"]
    shop.sql("UPDATE transactions SET refunded = 0, reserved = 1999 WHERE id = 1")
    shop.sql("UPDATE transactions SET refunded = 0 WHERE id = 2")
    shop.sql("UPDATE orders SET status = 'complete'")

    found = shop("db check -o json")
    tried = shop("db repair --dry-run -o json")
    assert (found.code, [row["target"] for row in found.json]) == (5, [whole, part])
    assert "db repair" in found.err
    assert [row["outcome"] for row in tried.json] == ["updated", "updated"]
    assert shop("db check").code == 5
    assert shop("db repair", as_="agent").code == 6

    done = shop("db repair --yes -o json")
    assert [(row["id"], row["message"]) for row in done.json] == [
        (
            whole,
            "totals corrected: refunded 0.00, reserved 19.99, over_returned 0.00 before,"
            " refunded 19.99, reserved 0.00, over_returned 0.00 now",
        ),
        (
            part,
            "totals corrected: refunded 0.00, reserved 0.00, over_returned 0.00 before,"
            " refunded 8.00, reserved 0.00, over_returned 0.00 now",
        ),
    ]
    assert (shop("db check").code, shop("db repair --yes -o json").json) == (0, [])
    assert shop(f"order show {order} -o json").json["status"] == "refunded"
    assert shop(f"txn refund {part} --amount 12.01 --yes").code == 5
    assert shop(f"audit list --target {part} -o json").json[0]["outcome"] == "updated"
    shop(f"txn void {voided} --yes")
    shop.sql("UPDATE transactions SET amount = 500, kind = 'refund' WHERE kind = 'void'")
    assert shop("db repair --yes").code == 5
