"""The sandbox's ledger is shown, taught and emptied, whatever its URL asks for."""

from __future__ import annotations

from tests.factories import make_sale
from tests.shops import Shop


def test_the_ledger_of_an_account_with_a_rate_is_shown_and_taught(shop: Shop) -> None:
    sale = make_sale(shop, amount="19.99", adopt=False)
    shop.env["CSCTL_GATEWAY_MAIN"] += "?rate=5/s"

    rehearsed = shop("sandbox adopt --dry-run -o json")
    before = shop("sandbox ledger --all -o json").json
    adopted = shop("sandbox adopt -o json")

    assert [row["id"] for row in rehearsed.json] == [row["id"] for row in adopted.json] == [sale]
    assert before == []
    shown = shop("sandbox ledger --all -o json").json
    assert [(row["kind"], row["amount"], row["account"]) for row in shown] == [("sale", "19.99", "main")]
    assert shown == shop.ledger()


def test_a_dry_run_of_adopting_gives_no_references(shop: Shop) -> None:
    make_sale(shop, amount="19.99", adopt=False)
    shop.sql("UPDATE transactions SET gateway_ref = NULL")

    assert shop("sandbox adopt --dry-run").code == 0
    assert shop.sql("SELECT gateway_ref FROM transactions") == [{"gateway_ref": None}]
    assert shop("sandbox adopt").code == 0
    assert shop.sql("SELECT gateway_ref FROM transactions") != [{"gateway_ref": None}]
