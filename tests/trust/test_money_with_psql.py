"""A malicious agent with a database login can do nothing about money that the command line refuses."""

# ruff: noqa: S608 - the SQL is the attack

from __future__ import annotations

import pytest

from csctl.domain.states import Role
from tests.factories import (
    make_customer,
    make_order,
    make_payment_method,
    make_purchase,
    make_sale,
    make_transaction,
    number,
)
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import as_login, refused

pytestmark = on_postgresql
_REFUND = (
    "INSERT INTO transactions (order_id, parent_id, kind, state, amount, currency, gateway, key, refunded, reserved,"
    " send_email, created_at, created_by) SELECT order_id, id, 'refund', '{state}', {amount}, currency, gateway, 'k1',"
    " 0, 0, true, now(), (SELECT id FROM operators WHERE role = 'agent') FROM transactions WHERE id = {sale}"
)
_ITEM = (
    "INSERT INTO refund_queue (sale_id, origin_id, order_id, customer_id, amount, currency, state, attempts,"
    " next_attempt_on, send_email, created_at) SELECT {sale}, {origin}, t.order_id, o.customer_id, {amount},"
    " t.currency, 'queued', 0, '2026-03-02', true, now() FROM transactions t JOIN orders o ON o.id = t.order_id"
    " WHERE t.id = {sale}"
)


@pytest.fixture
def granted(granted: Shop) -> Shop:
    granted("setting set agent-refund-limit '5 USD'")
    granted("setting set agent-refund-limit '500 JPY'")
    return granted


def test_what_a_charge_came_to_cannot_be_rewritten(granted: Shop) -> None:
    sale, other = number(make_sale(granted)), number(make_sale(granted))
    voided = number(make_sale(granted, settled=False, voided_at="2026-03-01T09:00:00Z"))
    refund = make_transaction(granted, "refund", "approved", parent_id=sale)

    for attack in (
        f"UPDATE transactions SET gateway_ref = 'sbx_{other}' WHERE id = {sale}",
        f"UPDATE transactions SET gateway_ref = NULL WHERE id = {sale}",
        f"UPDATE transactions SET state = 'failed' WHERE id = {number(refund)}",
        f"UPDATE transactions SET voided_at = NULL WHERE id = {voided}",
        f"UPDATE transactions SET amount = 100000 WHERE id = {sale}",
        f"UPDATE transactions SET parent_id = {other} WHERE id = {number(refund)}",
        "UPDATE payment_methods SET token = 'tok_mine'",
        "UPDATE payment_methods SET gateway = 'other'",
        "UPDATE payment_methods SET customer_id = 1",
        "INSERT INTO payment_methods (customer_id, gateway, token, is_default, created_at)"
        " VALUES (1, 'main', 'x', true, now())",
    ):
        assert refused(granted, Role.AGENT, attack), attack


def test_the_sums_of_a_sale_follow_from_its_rows(granted: Shop) -> None:
    sale = number(make_sale(granted))

    for attack in (
        f"UPDATE transactions SET refunded = 100 WHERE id = {sale}",
        f"UPDATE transactions SET reserved = 100 WHERE id = {sale}",
    ):
        assert refused(granted, Role.AGENT, attack), attack
    assert as_login(granted, Role.AGENT, f"txn refund txn_{sale} --amount 2 --yes").code == 0
    assert refused(granted, Role.AGENT, f"UPDATE transactions SET refunded = 0 WHERE id = {sale}")


def test_a_refund_by_sql_keeps_the_limit_and_the_sums(granted: Shop) -> None:
    sale = number(make_sale(granted))
    yen = number(make_sale(granted, amount="2000", currency="JPY"))
    euro = number(make_sale(granted, currency="EUR"))

    def refund(sale: int, amount: int, state: str = "created") -> tuple[str, str]:
        reserve = f"UPDATE transactions SET reserved = reserved + {amount} WHERE id = {sale}"
        return _REFUND.format(sale=sale, amount=amount, state=state), reserve

    assert refused(granted, Role.AGENT, *refund(sale, 501)), "above the limit"
    assert refused(granted, Role.AGENT, *refund(yen, 501)), "above the limit of a currency without decimals"
    assert refused(granted, Role.AGENT, *refund(euro, 1)), "no limit for the currency"
    assert refused(granted, Role.AGENT, refund(sale, 100)[0]), "nothing is reserved"
    assert refused(granted, Role.AGENT, *refund(sale, 100, "approved")), "with an outcome"
    assert refused(granted, Role.AGENT, *refund(sale, 100, "unknown")), "with an outcome"
    assert not refused(granted, Role.AGENT, *refund(sale, 500)), "what the command line allows"


def test_a_queue_item_continues_a_refund_that_was_made(granted: Shop) -> None:
    sale = number(make_sale(granted))
    reserve = f"UPDATE transactions SET reserved = 1000 WHERE id = {sale}"

    assert refused(granted, Role.AGENT, _ITEM.format(sale=sale, origin=sale, amount=1000), reserve)
    failing = number(make_sale(granted, token="tok_refund_declined"))
    assert as_login(granted, Role.AGENT, f"txn refund txn_{failing} --amount 1 --yes").code == 12
    assert refused(granted, Role.AGENT, "UPDATE refund_queue SET amount = 1999")
    assert refused(granted, Role.AGENT, f"UPDATE refund_queue SET sale_id = {sale}")


def test_what_was_paid_is_not_queued_again(granted: Shop) -> None:
    sale = number(make_sale(granted))
    assert as_login(granted, Role.AGENT, f"txn refund txn_{sale} --amount 5 --yes").code == 0
    paid = number(granted("txn list --kind refund -o name").out.strip())
    reserve = f"UPDATE transactions SET reserved = 500 WHERE id = {sale}"
    assert refused(granted, Role.AGENT, _ITEM.format(sale=sale, origin=paid, amount=500), reserve), "it was approved"

    other = number(make_sale(granted, token="tok_refund_declined_1"))
    assert as_login(granted, Role.AGENT, f"txn refund txn_{other} --amount 4 --yes").code == 12
    failed = number(granted("txn list --kind refund --state declined -o name").out.strip())
    more = f"UPDATE transactions SET reserved = 800 WHERE id = {other}"
    assert refused(granted, Role.AGENT, _ITEM.format(sale=other, origin=failed, amount=400), more), "it is queued"
    assert granted("queue retry", at="2026-03-03T09:00:00Z").code == 0
    again = "UPDATE refund_queue SET state = 'queued', next_attempt_on = '2026-03-04'"
    assert refused(granted, Role.AGENT, again, f"UPDATE transactions SET reserved = 400 WHERE id = {other}"), "paid"


def test_a_refund_that_came_back_counts_toward_the_limit(granted: Shop) -> None:
    sale = number(make_sale(granted))
    assert as_login(granted, Role.AGENT, f"txn refund txn_{sale} --amount 3 --yes").code == 0
    refund = number(granted("txn list --kind refund -o name").out.strip())
    back = f"UPDATE transactions SET state = 'failed', reason = 'returned' WHERE id = {refund}"
    queued = f"UPDATE transactions SET refunded = 0, reserved = 300 WHERE id = {sale}"
    item = _ITEM.format(sale=sale, origin=refund, amount=300)

    assert refused(granted, Role.AGENT, back, queued, item), "3.00 that came back, and 3.00 again"
    assert not refused(granted, Role.AGENT, back, f"UPDATE transactions SET refunded = 0 WHERE id = {sale}")
    add = _REFUND.format(sale=sale, amount=300, state="created")
    assert refused(granted, Role.AGENT, add, f"UPDATE transactions SET reserved = 300 WHERE id = {sale}")
    hide = f"UPDATE transactions SET reason = 'declined' WHERE id = {refund}"
    assert refused(granted, Role.AGENT, hide), "it stays known as one that came back"


def test_a_queue_item_hides_no_refund_from_the_limit(granted: Shop) -> None:
    sale, other = number(make_sale(granted)), number(make_sale(granted, token="tok_refund_declined"))
    assert as_login(granted, Role.AGENT, f"txn refund txn_{other} --amount 1 --yes").code == 12
    item = granted.sql("SELECT id FROM refund_queue")[0]["id"]
    add = _REFUND.format(sale=sale, amount=500, state="sent")

    assert not refused(granted, Role.AGENT, add, f"UPDATE transactions SET reserved = 500 WHERE id = {sale}")
    hide = f"UPDATE transactions SET queue_item_id = {item} WHERE key = 'k1'"
    assert refused(granted, Role.AGENT, hide, f"UPDATE transactions SET reserved = 0 WHERE id = {sale}")
    attempt = _REFUND.replace("'k1'", "'k2'").replace("send_email,", "send_email, queue_item_id,", 1)
    attempt = attempt.replace("true,", f"true, {item},", 1).format(sale=other, amount=1999, state="sent")
    assert refused(granted, Role.AGENT, attempt), "more than its item"


def test_a_void_above_the_limit_joins_no_queue(granted: Shop) -> None:
    sale, other = number(make_sale(granted)), make_sale(granted, settled=False)
    void = _REFUND.replace("'refund'", "'void'").format(sale=sale, amount=1999, state="created")
    reserve = f"UPDATE transactions SET reserved = 1999 WHERE id = {sale}"
    assert not refused(granted, Role.AGENT, void, reserve), "a void is not limited, but settled sales are not voided"

    failed = "UPDATE transactions SET state = 'failed' WHERE key = 'k1'"
    origin = "(SELECT id FROM transactions WHERE key = 'k1')"
    assert refused(granted, Role.AGENT, failed, _ITEM.format(sale=sale, origin=origin, amount=1999))
    assert as_login(granted, Role.AGENT, f"txn void {other} --yes").code == 0


def test_a_card_of_another_customer_is_not_charged(granted: Shop) -> None:
    rich, poor = make_customer(granted), make_customer(granted)
    card = number(make_payment_method(granted, rich))
    order = make_order(granted, poor)
    purchase = number(make_purchase(granted, order, interval="month", status="active", next_bill_on="2026-03-02"))
    sale = (
        "INSERT INTO transactions (order_id, kind, state, amount, currency, gateway, key, payment_method_id, refunded,"
        f" reserved, send_email, created_at) VALUES ({number(order)}, 'sale', 'created', 100, 'USD', 'main', 'k1',"
        f" {card}, 0, 0, true, now())"
    )

    assert refused(granted, Role.AGENT, f"UPDATE purchases SET payment_method_id = {card} WHERE id = {purchase}")
    assert refused(granted, Role.AGENT, sale)
    assert refused(granted, Role.AGENT, f"UPDATE orders SET customer_id = {number(rich)} WHERE id = {number(order)}")
    assert refused(granted, Role.AGENT, f"UPDATE purchases SET order_id = 1 WHERE id = {purchase}")
    taken = f"UPDATE customers SET external_id = 'C-1' WHERE id = {number(poor)}"
    assert refused(granted, Role.AGENT, taken), "an import would give it the card of C-1"
    assert refused(
        granted, Role.AGENT, f"UPDATE customers SET merged_into_id = {number(rich)} WHERE id = {number(poor)}"
    )


def test_an_email_that_waits_keeps_its_recipient_and_words(granted: Shop) -> None:
    assert granted(f"txn refund {make_sale(granted)} --yes", env={"CSCTL_MAIL_URL": ""}).code == 0

    for change in ("recipient = 'me@example.com'", "kind = 'welcome'", "context = '{}'", "customer_id = NULL"):
        assert refused(granted, Role.AGENT, f"UPDATE emails SET {change}"), change


def test_a_copy_of_a_sale_cannot_be_made(granted: Shop) -> None:
    sale = number(make_sale(granted))
    columns = "order_id, kind, state, amount, currency, gateway, gateway_ref, settlement, settled_at"
    copy = (
        f"INSERT INTO transactions ({columns}, refunded, reserved, send_email, created_at)"
        f" SELECT {columns}, 0, 0, true, created_at FROM transactions WHERE id = {sale}"
    )

    assert refused(granted, Role.AGENT, copy)


def test_what_an_administrator_began_is_not_touched(granted: Shop) -> None:
    one, two = make_sale(granted), make_sale(granted)
    assert granted(f"txn refund {one} {two} --amount 1 --yes").code == 0
    granted.sql("UPDATE runs SET state = 'stopped'")

    for attack in (
        "UPDATE run_records SET state = 'pending', transactions = NULL",
        "DELETE FROM run_records",
        "INSERT INTO run_records (run_id, place, given, state) SELECT id, 9, 'txn_1', 'pending' FROM runs",
        "UPDATE runs SET state = 'complete'",
        "INSERT INTO runs (operator_id, command, arguments, by_ids, state, total, done, failed, started_at)"
        " SELECT operator_id, command, arguments, by_ids, state, total, done, failed, started_at FROM runs",
    ):
        assert refused(granted, Role.AGENT, attack), attack


def test_a_refund_is_not_moved_to_what_was_over_returned(granted: Shop) -> None:
    sale = number(make_sale(granted))
    assert as_login(granted, Role.AGENT, f"txn refund txn_{sale} --amount 5 --yes").code == 0

    assert refused(granted, Role.AGENT, f"UPDATE transactions SET refunded = 0, over_returned = 500 WHERE id = {sale}")


def test_a_run_of_others_is_neither_rewritten_nor_deleted(granted: Shop) -> None:
    one, two = make_sale(granted), make_sale(granted)
    assert granted(f"txn refund {one} {two} --amount 1 --yes", as_="agent").code == 0

    for attack in (
        "UPDATE runs SET command = 'setting set', arguments = '[]'",
        "DELETE FROM run_records; DELETE FROM runs",
    ):
        assert refused(granted, Role.AGENT, *attack.split("; ")), attack
