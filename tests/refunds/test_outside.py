"""Money returned by other means than the gateway: recorded, limited, and taken back (domain rules, section 2)."""

from __future__ import annotations

import pytest

from tests.factories import make_sale
from tests.refunds.scenes import paid
from tests.shops import Shop


@pytest.mark.both_databases
def test_a_cheque_is_recorded_and_nothing_is_sent(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")

    done = shop(f"txn refund {sale} --outside 'cheque 118' --amount 20 --reason late --yes -o json", as_="agent")
    shown = shop(f"txn show {sale} -o json").json

    assert (done.code, done.json[0]["outcome"], done.json[0]["amount"]) == (0, "refunded", "20.00")
    assert (shown["refunded"], shown["refundable"]) == ("20.00", "30.00")
    [child] = shown["children"]
    assert (child["kind"], child["state"], child["outside"], child["outside_reference"]) == (
        "refund",
        "approved",
        "payment",
        "cheque 118",
    )
    assert paid(shop) == []
    assert shop("db check").code == 0


def test_the_email_does_not_speak_of_the_card(shop: Shop) -> None:
    shop(f"txn refund {make_sale(shop)} --outside 'cheque 118' --yes")

    [mail] = shop.mails()
    assert "paid it to you in another way" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_the_rest_is_refunded_as_ever_and_never_more(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")
    shop(f"txn refund {sale} --outside 'cheque 118' --amount 20 --yes")

    assert shop(f"txn refund {sale} --amount 31 --yes").code == 5
    more = shop(f"txn refund {sale} --outside 'cheque 119' --amount 31 --yes -o json")
    assert (more.code, more.json[0]["error"]["cause"].split(";")[0]) == (5, "30.00 USD remains")
    assert shop(f"txn refund {sale} --yes").code == 0
    assert paid(shop) == [("refund", "30.00")]
    assert shop("order show ord_1 -o json").json["status"] == "refunded"


def test_the_agents_limit_holds(shop: Shop) -> None:
    shop("setting set agent-refund-limit '10 USD'")
    sale = make_sale(shop, "50.00")

    assert shop(f"txn refund {sale} --outside 'cheque 118' --yes", as_="agent").code == 6
    assert shop(f"txn refund {sale} --outside 'cheque 118' --yes").code == 0


def test_a_closed_account_at_the_gateway_is_in_nobodys_way(shop: Shop) -> None:
    sale = make_sale(shop)
    shop.sql("UPDATE transactions SET gateway = 'closed'")

    assert shop(f"txn refund {sale} --outside 'cheque 118' --yes").code == 0


def test_an_account_that_refuses_its_key_stops_no_other_and_no_record_of_a_cheque(shop: Shop) -> None:
    sale, other = make_sale(shop), make_sale(shop)
    closed = make_sale(shop, adopt=False, gateway="closed")
    env = {"CSCTL_GATEWAY_CLOSED": f"sandbox:{shop.folder}/closed.db?credentials=wrong"}

    assert shop(f"txn refund {sale} --outside 'cheque 118' --yes", env=env).code == 0
    assert shop(f"txn refund {closed} --outside 'cheque 119' --yes", env=env).code == 0
    assert shop(f"txn refund {other} --yes", env=env).code == 0
    closed = make_sale(shop, adopt=False, gateway="closed")
    refused = shop(f"txn refund {closed} --yes", env=env)
    assert refused.code == 11, refused.err
    assert "credentials" in refused.err


def test_a_disputed_sale_is_not_returned_twice(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn dispute {sale}")

    assert shop(f"txn refund {sale} --outside 'cheque 118' --yes").code == 5


def test_the_same_request_id_records_once(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")
    words = f"txn refund {sale} --outside 'cheque 118' --amount 20 --request-id K1 --yes -o json"

    first, second = shop(words), shop(words)

    assert first.json[0]["transaction_id"] == second.json[0]["transaction_id"]
    assert shop(f"txn show {sale} -o json").json["refunded"] == "20.00"


@pytest.mark.both_databases
def test_an_administrator_takes_a_mistaken_record_back(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")
    refund = shop(f"txn refund {sale} --outside 'cheque 118' --yes -o json").json[0]["transaction_id"]

    agent = shop(f"txn refund {refund} --undo-outside --yes", as_="agent")
    done = shop(f"txn refund {refund} --undo-outside --yes -o json")

    assert agent.code == 6
    assert (done.code, done.json[0]["outcome"]) == (0, "updated")
    assert shop(f"txn show {sale} -o json").json["refundable"] == "50.00"
    assert shop("order show ord_1 -o json").json["status"] == "complete"
    assert shop(f"txn refund {refund} --undo-outside --yes").code == 5
    assert shop("db check").code == 0


def test_it_is_named_by_its_sale_where_there_is_only_one(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")
    shop(f"txn refund {sale} --outside 'cheque 118' --amount 20 --yes")

    assert shop(f"txn refund {sale} --undo-outside --yes").code == 0
    assert shop(f"txn refund {sale} --undo-outside --yes").code == 5


def test_a_refund_that_was_sent_is_not_undone(shop: Shop) -> None:
    sale = make_sale(shop)
    refund = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]

    assert shop(f"txn refund {refund} --undo-outside --yes").code == 5
    assert shop(f"txn show {sale} -o json").json["refundable"] == "0.00"


def test_no_gateway_is_ever_asked_about_it(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")
    refund = shop(f"txn refund {sale} --outside 'cheque 118' --yes -o json").json[0]["transaction_id"]

    shop("txn sync", at="2026-03-09T09:00:00Z")
    named = shop(f"txn sync {refund}", at="2026-03-09T09:00:00Z")
    reconciled = shop("txn reconcile -o json", at="2026-03-09T09:00:00Z")

    assert named.code == 5
    assert reconciled.json == []
    assert shop(f"txn show {sale} -o json").json["refunded"] == "50.00"
