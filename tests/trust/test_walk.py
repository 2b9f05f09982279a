"""Every command that a role may run works with that role's own PostgreSQL login: no right that it needs is missing."""

from __future__ import annotations

from typing import Any

from csctl.domain.permissions import PERMISSIONS
from csctl.domain.states import Role
from tests.factories import (
    make_customer,
    make_fulfillment,
    make_notify_email,
    make_order,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
)
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import as_login

pytestmark = on_postgresql
# What works without records, or needs a command line of its own below.
_LATER = "2026-03-04T09:00:00Z"


class Walk:
    """Runs commands with the login of a role, and keeps which of them were run and what the database refused."""

    def __init__(self, shop: Shop, role: Role) -> None:
        self._shop, self._role = shop, role
        self.commands: set[str] = set()
        self.failed: list[str] = []

    def __call__(self, words: str, code: int = 0, at: str | None = None) -> None:
        self._shop.now, before = at or self._shop.now, self._shop.now
        done = as_login(self._shop, self._role, words)
        self._shop.now = before
        self.commands |= {command for command in PERMISSIONS if f"{words} ".startswith(f"{command} ")}
        if done.code != code:
            self.failed.append(f"{words}: {done.code}, {done.err.strip()[-400:]}")


def of_role(role: Role) -> set[str]:
    return {command for command, roles in PERMISSIONS.items() if role in roles}


def test_an_agents_login_runs_every_command_of_an_agent(granted: Shop) -> None:
    walk = Walk(granted, Role.AGENT)
    _look(granted, walk)
    _customers_and_orders(granted, walk)
    _money(granted, walk)
    _purchases(granted, walk)
    _shipments_and_runs(granted, walk)

    assert not walk.failed, "\n".join(walk.failed)
    assert walk.commands == of_role(Role.AGENT)
    assert granted("db check").code == 0


def _look(shop: Shop, walk: Walk) -> None:
    sale = make_sale(shop, order=make_order(shop, make_customer(shop, last_name="Quimby")))
    make_purchase(shop, "ord_1")
    make_fulfillment(shop, "ord_1")
    make_price(shop, "tea")
    for words in (
        *("whoami", "gateway list", "gateway check main", "customer search quimby", "customer show cus_1"),
        *("customer history cus_1", "customer export cus_1", "customer payment-method list cus_1"),
        *("order search quimby", "order list", "order show ord_1", f"txn show {sale}", "txn list", "purchase list"),
        *("purchase show pur_1", "fulfillment list", "fulfillment show ful_1", "product list", "product show sku-tea"),
        *("email list", "email preview refund", "blacklist list", "blacklist check --customer cus_1", "queue list"),
        *("queue stats", "run list", "approval list", "report refunds"),
    ):
        walk(words)
    walk("doctor", 11)


def _customers_and_orders(shop: Shop, walk: Walk) -> None:
    customer = make_customer(shop)
    card, other = make_payment_method(shop, customer), make_payment_method(shop, customer, is_default=False)
    declined = make_payment_method(shop, customer, token="tok_declined", is_default=False)
    make_price(shop, "monthly", interval="month", trial_days=7, trial_amount="1.00")
    walk("customer create --first-name Ann --last-name Lee --email ann@example.com")
    walk(f"customer edit {customer} --phone '+49 30 1234567' --billing-city Bonn")
    walk(f"customer note {customer} 'Called about the delivery.'")
    note = shop(f"customer history {customer} -o json").json[0]["id"]
    walk(f"customer edit-note {note} 'Called about the parcel.'")
    walk(f"customer call {customer}")
    walk(f"customer payment-method default {other} --yes")
    walk(f"customer payment-method default {card} --yes")
    walk(f"order create --customer {customer} --item tea:2 --item monthly --yes")
    walk(f"order create --customer {customer} --item tea --payment-method {declined} --yes", 12)
    order = shop(f"order list --customer {customer} --status declined -o name").out.strip()
    walk(f"order rerun {order} --payment-method {card} --yes")
    walk(f"order edit {order} --shipping-city Berlin --yes")
    walk(f"order resend-email {order} --yes")
    walk(f"customer payment-method disable {other} --yes")
    walk("email show eml_1")
    for more in ("", "--refund"):
        walk(f"order cancel {make_sale_of_order(shop)} {more} --yes")


def make_sale_of_order(shop: Shop) -> str:
    """An order with a settled sale."""
    order = make_order(shop)
    make_purchase(shop, order, interval="month", status="active", next_bill_on="2026-04-01")
    make_fulfillment(shop, order)
    make_sale(shop, order=order)
    return order


def _money(shop: Shop, walk: Walk) -> None:
    sale = make_sale(shop)
    walk(f"txn refund {sale} --amount 5 --request-id A1 --yes")
    walk(f"txn refund {sale} --amount 5 --request-id A1 --yes")
    walk(f"txn resend-email {sale} --yes")
    walk(f"order refund {make_sale_of_order(shop)} --amount 2 --cancel --yes")
    walk(f"txn refund {make_sale(shop)} --amount 3 --outside cheque-7 --yes")
    walk(f"txn void {make_sale(shop, settled=False)} --yes")
    for token, refund in (("tok_timeout_applied", 9), ("tok_timeout_lost", 9), ("tok_pending", 0)):
        walk(f"txn refund {make_sale(shop, token=token)} --amount 4 --yes", refund)
        walk(f"txn reconcile {newest(shop)}", at=_LATER)
    for token in ("tok_timeout_applied", "tok_timeout_lost"):
        walk(f"txn void {make_sale(shop, token=token, settled=False)} --yes", 9)
        walk(f"txn reconcile {newest(shop)}")
    walk(f"txn refund {make_sale(shop, token='tok_refund_returned')} --yes")
    walk(f"txn reconcile {newest(shop)}", at=_LATER)
    failing = make_sale(shop, token="tok_refund_declined_2")
    walk(f"txn refund {failing} --amount 6 --yes", 12)
    item = next(row["id"] for row in shop("queue list -o json").json if row["transaction_id"] == failing)
    walk(f"queue show {item}")
    walk(f"queue retry {item} --yes", 12, at="2026-03-03T09:00:00Z")
    walk(f"queue retry {item} --yes", at=_LATER)
    for _ in range(2):
        walk(f"txn refund {make_sale(shop, token='tok_refund_declined')} --yes", 12)
    one, two = shop("queue list -o name --limit 2").out.split()
    walk(f"queue remove {one} --reason 'changed their mind' --yes")
    walk(f"queue requeue {one} --yes")
    walk(f"queue resolve {two} --reference 'transfer 7' --yes")
    walk(f"txn dispute {sale} --yes")
    walk(f"txn dispute {sale} --revert --yes")
    walk(f"txn dispute {sale} --lost --yes")
    assert shop("setting set agent-refund-limit '5 USD'").code == 0
    walk(f"txn refund {make_sale(shop)} --request-approval --reason late --yes")
    walk("approval show apr_1")
    walk("approval withdraw apr_1 --yes")
    assert shop("setting unset agent-refund-limit").code == 0


def newest(shop: Shop) -> str:
    return shop("txn list --limit 1 -o name").out.strip()


def _purchases(shop: Shop, walk: Walk) -> None:
    customer = make_customer(shop)
    card = make_payment_method(shop, customer)
    second = make_payment_method(shop, customer, is_default=False)
    make_price(shop, "small", interval="month", sku="box", option="small")
    make_price(shop, "large", "29.99", interval="month", sku="box", option="large")
    order = make_order(shop, customer)

    def subscription(price: str = "small", **given: Any) -> str:
        values: dict[str, Any] = {"status": "active", "next_bill_on": "2026-03-20", **given}
        return make_purchase(shop, order, price=price, payment_method=card, **values)

    one = subscription()
    walk(f"purchase option {one} large --price large --yes")
    walk(f"purchase price {one} large --next-only --yes")
    walk(f"purchase billing-date {one} 2026-03-25 --yes")
    walk(f"purchase quantity {one} --quantity 2 --unit-price 9.99 --yes")
    walk(f"purchase payment-method {one} {second} --yes")
    walk(f"purchase pause {one} --until 2026-05-01 --yes")
    walk(f"purchase resume {one} --yes")
    walk(f"purchase force-bill {one} --yes")
    walk(f"purchase cancel {one} --refund-last --reason moved --yes", 0)
    walk(f"purchase reactivate {one} --yes")
    walk(f"purchase cancel {subscription()} --when 2026-04-02 --yes")
    for command, ends in (("restart", "2026-03-09"), ("skip", "2026-03-09"), ("stop", "2026-03-09")):
        trial = subscription(price="monthly", status="trial", trial_ends_on=ends, next_bill_on=ends)
        walk(f"purchase trial {command} {trial} --yes")


def _shipments_and_runs(shop: Shop, walk: Walk) -> None:
    def shipment(status: str = "pending") -> str:
        return make_fulfillment(shop, make_order(shop), status=status)

    one = shipment()
    for words in (f"hold {one}", f"release {one}", f"ship {one} --carrier UPS --tracking 1Z1", f"deliver {one}"):
        walk(f"fulfillment {words} --yes")
    walk(f"fulfillment return {one} --yes")
    walk(f"fulfillment return {one} --yes")
    walk(f"fulfillment reship {one} --yes")
    walk(f"fulfillment fail {shipment('shipped')} --yes")
    walk(f"fulfillment cancel {shipment()} --yes")
    walk(f"fulfillment hold {shipment()} {shipment()} --yes")
    run = shop("run list -o name --limit 1").out.strip()
    walk(f"run show {run}")
    shop.sql("UPDATE runs SET state = 'running', lease_until = NULL WHERE id = (SELECT max(id) FROM runs)")
    walk(f"run resume {run} --yes")


def test_the_services_login_runs_every_command_of_the_service(granted: Shop) -> None:
    walk = Walk(granted, Role.SERVICE)
    make_notify_email(granted)
    customer = make_customer(granted)
    card = make_payment_method(granted, customer)
    make_price(granted, "monthly", interval="month")
    for day in ("2026-03-01", "2026-03-02"):
        make_purchase(
            granted,
            make_order(granted, customer),
            price="monthly",
            payment_method=card,
            status="active",
            next_bill_on=day,
        )
    for token in ("tok_refund_declined", "tok_refund_declined_1", "tok_timeout_applied", "tok_pending", "tok_ok"):
        assert granted(f"txn refund {make_sale(granted, token=token)} --yes").code in (0, 9, 12)
    assert granted(f"txn refund {make_sale(granted, token='tok_refund_returned')} --yes").code == 0
    assert granted(f"txn void {make_sale(granted, token='tok_timeout_lost', settled=False)} --yes").code == 9

    for day in ("2026-03-03", "2026-03-04", "2026-03-05", "2026-04-05"):
        for words in ("txn reconcile", "txn sync", "queue retry", "billing run", "email send", "audit seal"):
            walk(f"{words} --yes" if words != "audit seal" else words, at=f"{day}T09:00:00Z")
    for words in ("queue list", "queue show rfq_1", "queue stats", "whoami", "gateway list", "gateway check main"):
        walk(words)
    walk("doctor", 11)

    assert not walk.failed, "\n".join(walk.failed)
    assert walk.commands == of_role(Role.SERVICE)
    assert granted("db check").code == 0
