"""A malicious agent with a database login neither acts through an administrator or a cron nor stops the others."""

# ruff: noqa: S608 - the SQL is the attack

from __future__ import annotations

import pytest

from csctl.domain.states import Role
from tests.factories import make_customer, make_sale, number
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import as_login, refused

pytestmark = on_postgresql
_LATER = "2026-03-05T09:00:00Z"


@pytest.fixture
def granted(granted: Shop) -> Shop:
    granted("setting set agent-refund-limit '5 USD'")
    return granted


def test_what_left_the_queue_does_not_return_above_the_limit(granted: Shop) -> None:
    large, small = make_sale(granted, token="tok_refund_declined_1"), make_sale(granted, token="tok_refund_declined_1")
    assert granted(f"txn refund {large} --amount 19 --yes").code == 12
    assert granted(f"txn refund {small} --amount 5 --yes").code == 12
    assert granted("queue remove rfq_1 rfq_2 --reason 'paid by cheque' --yes").code == 0

    def queue_again(item: str, sale: str, amount: int) -> tuple[str, str]:
        return (
            f"UPDATE refund_queue SET state = 'queued', attempts = 0, next_attempt_on = '2026-03-03' WHERE id = {item}",
            f"UPDATE transactions SET reserved = {amount} WHERE id = {number(sale)}",
        )

    assert refused(granted, Role.AGENT, *queue_again("1", large, 1900))
    assert not refused(granted, Role.AGENT, *queue_again("2", small, 500)), "as queue requeue does"
    granted("queue retry", as_="service", at=_LATER)

    paid = [row["amount"] for row in granted.ledger() if row["kind"] == "refund" and row["result"] == "approved"]
    assert paid == ["5.00"]


def test_a_void_without_an_agent_cannot_be_added(granted: Shop) -> None:
    """A void that turns out never to have been carried out becomes a refund, limited by who asked for it."""
    sale = number(make_sale(granted))
    columns = "order_id, kind, state, amount, currency, gateway, refunded, reserved, send_email, created_at, sent_at"
    void = (
        f"INSERT INTO transactions ({columns}, parent_id, key, joins_queue, created_by) SELECT order_id, 'void',"
        " 'sent', amount, currency, gateway, 0, 0, true, created_at, created_at, id, 'k1', true,"
        f" {{who}} FROM transactions WHERE id = {sale}"
    )
    of_role = "(SELECT id FROM operators WHERE role = '{}')"
    reserve = f"UPDATE transactions SET reserved = amount WHERE id = {sale}"

    for who in ("NULL", of_role.format("admin")):
        assert refused(granted, Role.AGENT, void.format(who=who), reserve), who
    assert not refused(granted, Role.AGENT, void.format(who=of_role.format("agent")), reserve), "as csctl adds it"
    for at in ("2026-03-03T09:00:00Z", _LATER):
        granted("queue retry", as_="service", at=at)

    assert [row["kind"] for row in granted.ledger()] == ["sale"]
    assert granted("approval list -o json").json[0]["amount"] == "19.99", "above the limit it waits for approval"


def test_a_request_for_approval_says_what_a_grant_returns(granted: Shop) -> None:
    sale = number(make_sale(granted))
    make_sale(granted)
    assert granted(f"txn refund txn_{sale} --amount 1 --yes").code == 0
    values = {
        "sale_id": str(sale),
        "amount": "1500",
        "currency": "'USD'",
        "returned_before": "100",
        "purchase_id": "NULL",
        "send_email": "true",
        "requested_by": "(SELECT id FROM operators WHERE role = 'agent')",
        "created_at": "now()",
    }

    def request(**changed: str) -> str:
        row = values | changed
        return f"INSERT INTO approvals ({', '.join(row)}) SELECT {', '.join(row.values())}"

    granted.sql("UPDATE installation SET rehearsal = false")
    for lie in (
        {"currency": "'KWD'"},
        {"returned_before": "1900"},
        {"sale_id": f"(SELECT id FROM transactions WHERE parent_id = {sale})"},
        {"purchase_id": f"(SELECT max(id) FROM purchases WHERE id <> {sale})"},
        {"requested_by": "(SELECT id FROM operators WHERE role = 'admin')"},
        {"created_at": "now() + interval '1 year'"},
    ):
        assert refused(granted, Role.AGENT, request(**lie)), lie
    assert not refused(granted, Role.AGENT, request())


def test_no_row_of_an_agent_stops_the_others(granted: Shop) -> None:
    customer = make_customer(granted)
    sale = make_sale(granted, token="tok_timeout_lost")
    assert granted(f"txn refund {sale} --amount 1 --yes").code == 9
    assert granted(f"txn refund {make_sale(granted)} --yes", env={"CSCTL_MAIL_URL": ""}).code == 0
    granted.sql("UPDATE installation SET rehearsal = false")

    for attack in (
        f"INSERT INTO history (id, customer_id, kind, text, at) VALUES (2000, {number(customer)}, 'note', 'x', now())",
        "UPDATE transactions SET lease_until = now() + interval '1 year' WHERE state = 'unknown'",
        "UPDATE emails SET lease_until = now() + interval '1 year'",
        "UPDATE customers SET version = 1000000000",
        "UPDATE purchases SET cycle = 1000000000",
        "UPDATE requests SET operator_id = 1",
    ):
        assert refused(granted, Role.AGENT, attack), attack
    granted.sql("UPDATE installation SET rehearsal = true")
    assert granted(f"customer edit {customer} --phone '+1 217 555 0199'").code == 0
    assert as_login(granted, Role.ADMIN, "audit verify").code == 0, "with all triggers as csctl knows them"
