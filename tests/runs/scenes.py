"""For every command that changes something: arguments with which it has exactly one thing to do."""

from __future__ import annotations

from collections.abc import Callable

from tests.emails.waiting import make_email
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
from tests.shops import Shop

Scene = Callable[[Shop], str]


def _order(shop: Shop) -> str:
    order = make_order(shop)
    make_sale(shop, order=order)
    return order


def _subscription(shop: Shop, **given: object) -> str:
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    price = make_price(shop, interval="month", trial_days=14)
    values = {"status": "active", "next_bill_on": "2026-04-01", "cycle": 1, **given}
    return make_purchase(shop, make_order(shop, customer), price=price, **values)  # type: ignore[arg-type]


def _trial(shop: Shop) -> str:
    return _subscription(shop, status="trial", trial_ends_on="2026-03-10", next_bill_on="2026-03-10", cycle=0)


def _paused(shop: Shop) -> str:
    purchase = _subscription(shop)
    _run(shop, f"purchase pause {purchase} --until 2026-06-01")
    return purchase


def _choice(shop: Shop, option: str) -> str:
    """A subscription, and the code of another option or price point of its product."""
    sku, other = f"sku-{option}", f"other-{option}"
    price = make_price(shop, sku=sku, interval="month")
    make_price(shop, other, sku=sku, option=option, interval="month")
    return make_purchase(shop, price=price, status="active", next_bill_on="2026-04-01")


def _queued(shop: Shop) -> str:
    sale = make_sale(shop, token="tok_refund_declined_2")
    done = shop(f"txn refund {sale} --yes -o json")
    assert done.code == 12, done.err
    return str(done.json[0]["queue_item_id"])


def _removed(shop: Shop) -> str:
    item = _queued(shop)
    _run(shop, f"queue remove {item} --reason mistake --yes")
    return item


def _refunded(shop: Shop) -> str:
    sale = make_sale(shop)
    _run(shop, f"txn refund {sale} --yes")
    return sale


def _unknown(shop: Shop) -> str:
    done = shop(f"txn refund {make_sale(shop, token='tok_timeout_applied')} --yes -o json")
    assert done.code == 9, done.err
    return str(done.json[0]["transaction_id"])


def _unequal(shop: Shop) -> str:
    _run(shop, f"txn refund {make_sale(shop)} --yes")
    shop.sql("UPDATE transactions SET refunded = 0")
    return ""


def _file(shop: Shop) -> str:
    file = shop.folder / "customers.csv"
    file.write_text("external_id,first_name\nC1,Joan\n")
    return f"customers {file}"


def _listed(shop: Shop) -> str:
    done = shop("blacklist add --ip 203.0.113.9 --reason fraud --yes -o json")
    return str(done.json[0]["id"])


def _operator(shop: Shop, name: str) -> str:
    _run(shop, f"operator create {name} --role agent")
    return name


def _disabled(shop: Shop) -> str:
    name = _operator(shop, "ted")
    _run(shop, f"operator disable {name}")
    return name


def _run(shop: Shop, words: str) -> None:
    done = shop(words)
    assert done.code == 0, f"{words}: {done.err}"


def _checkout(shop: Shop) -> str:
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    return f"--customer {customer} --item {make_price(shop)}"


def _requested(shop: Shop) -> str:
    """A request for approval by the agent."""
    _run(shop, "setting set agent-refund-limit '1 USD'")
    done = shop(f"txn refund {make_sale(shop)} --request-approval --yes -o json", as_="agent")
    assert done.code == 0, done.err
    return str(done.json[0]["approval_id"])


def _new_token(shop: Shop) -> str:
    file = shop.folder / "tokens.csv"
    file.write_text(f"id,token\n{make_payment_method(shop)},tok_new\n")
    return f"--from {file}"


def _requested_by_admin(shop: Shop) -> str:
    request = _requested(shop)
    shop.sql("UPDATE approvals SET requested_by = (SELECT id FROM operators WHERE name = 'admin')")
    return request


def _note(shop: Shop) -> str:
    customer = make_customer(shop)
    _run(shop, f"customer note {customer} hello")
    return str(shop(f"customer history {customer} -o json").json[0]["id"])


def _declined(shop: Shop) -> str:
    customer = make_customer(shop)
    make_payment_method(shop, customer, "tok_declined")
    card = make_payment_method(shop, customer, is_default=False)
    done = shop(f"order create --customer {customer} --item {make_price(shop)} --yes -o json")
    assert done.code == 12, done.err
    return f"{done.json[0]['order_id']} --payment-method {card}"


def _other_card(shop: Shop) -> str:
    purchase = _subscription(shop)
    customer = shop(f"purchase show {purchase} -o json").json["customer_id"]
    return f"{purchase} {make_payment_method(shop, customer, is_default=False)}"


def _cancelled(shop: Shop) -> str:
    purchase = _subscription(shop)
    _run(shop, f"purchase cancel {purchase} --yes")
    return purchase


SCENES: dict[str, Scene] = {
    "approval grant": _requested,
    "approval deny": lambda shop: f"{_requested(shop)} --reason late",
    "approval withdraw": _requested_by_admin,
    "customer edit-note": lambda shop: f"{_note(shop)} goodbye",
    "customer payment-method default": lambda shop: make_payment_method(shop, is_default=False),
    "customer payment-method disable": make_payment_method,
    "customer payment-method retoken": _new_token,
    "order edit": lambda shop: f"{make_order(shop)} --shipping-city Dover",
    "order rerun": _declined,
    "purchase payment-method": _other_card,
    "purchase reactivate": _cancelled,
    "purchase billing-owner": lambda shop: f"{_subscription(shop)} recharge",
    "product edit": lambda shop: f"sku-{make_price(shop)} --name Tea",
    "product retire": lambda shop: f"sku-{make_price(shop)}",
    "operator set-role": lambda shop: f"{_operator(shop, 'tex')} service",
    "customer note": lambda shop: f"{make_customer(shop)} hello",
    "customer create": lambda shop: "--first-name Ann",
    "customer edit": lambda shop: f"{make_customer(shop)} --first-name Ann",
    "customer merge": lambda shop: f"{make_customer(shop)} {make_customer(shop)}",
    "customer erase": make_customer,
    "customer call": make_customer,
    "order refund": _order,
    "order resend-email": make_order,
    "order create": _checkout,
    "order cancel": make_order,
    "purchase trial restart": _trial,
    "purchase trial stop": _trial,
    "purchase trial skip": _trial,
    "purchase option": lambda shop: f"{_choice(shop, 'large')} large",
    "purchase price": lambda shop: f"{_choice(shop, 'default')} other-default",
    "purchase billing-date": lambda shop: f"{_subscription(shop)} 2026-05-01",
    "purchase quantity": lambda shop: f"{_subscription(shop)} --quantity 2 --unit-price 1.00",
    "purchase pause": lambda shop: f"{_subscription(shop)} --until 2026-06-01",
    "purchase resume": _paused,
    "purchase cancel": _subscription,
    "purchase force-bill": _subscription,
    "txn refund": make_sale,
    "txn void": lambda shop: make_sale(shop, settled=False),
    "txn reconcile": _unknown,
    "txn sync": lambda shop: make_sale(shop, settled=False, created_at="2026-03-01T09:00:00Z"),
    "txn resend-email": _refunded,
    "txn dispute": make_sale,
    "fulfillment hold": make_fulfillment,
    "fulfillment release": lambda shop: make_fulfillment(shop, status="hold"),
    "fulfillment cancel": make_fulfillment,
    "fulfillment reship": lambda shop: make_fulfillment(shop, status="shipped"),
    "fulfillment ship": lambda shop: f"{make_fulfillment(shop)} --carrier UPS --tracking 1Z9",
    "fulfillment deliver": lambda shop: make_fulfillment(shop, status="shipped"),
    "fulfillment return": lambda shop: make_fulfillment(shop, status="shipped"),
    "fulfillment fail": lambda shop: make_fulfillment(shop, status="shipped"),
    "billing run": lambda shop: _subscription(shop, next_bill_on="2026-03-02") and "",
    "queue retry": _queued,
    "queue remove": lambda shop: f"{_queued(shop)} --reason mistake",
    "queue requeue": _removed,
    "queue resolve": lambda shop: f"{_queued(shop)} --reference wire-1",
    "queue notify add": lambda shop: "ops@example.com",
    "queue notify remove": make_notify_email,
    "product create": lambda shop: "tea --name Tea",
    "product option add": lambda shop: f"sku-{make_price(shop)} small",
    "product price add": lambda shop: f"sku-{make_price(shop)} once --amount 9 --currency USD",
    "email send": make_email,
    "data import": _file,
    "blacklist add": lambda shop: "--ip 203.0.113.7 --reason fraud",
    "blacklist remove": _listed,
    "operator create": lambda shop: "tim --role agent",
    "operator disable": lambda shop: _operator(shop, "tom"),
    "operator enable": _disabled,
    "operator rotate-token": lambda shop: _operator(shop, "tam"),
    "setting set": lambda shop: "shop-name Tea",
    "setting unset": lambda shop: _run(shop, "setting set locale de_DE") or "locale",  # type: ignore[func-returns-value]
    "audit seal": lambda shop: "",
    "sandbox adopt": lambda shop: make_sale(shop, adopt=False) and "",
    "sandbox reset": lambda shop: "",
    "db upgrade": lambda shop: "",
    "db repair": _unequal,
}
# For which one command line has several rows to write, or whose place is not this shop's database.
ELSEWHERE = (
    "gateway accept",
    *("run resume", "db init", "db grants", "login", "logout"),
    *("profile add", "profile use", "profile remove"),
)
