"""The state machine of purchases, walked through the command line."""

from __future__ import annotations

import itertools

import pytest

from csctl.domain.purchases import TABLE, Operation, after
from csctl.domain.states import PurchaseStatus
from csctl.errors import Conflict
from tests.factories import customer_of, make_order, make_payment_method, make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop

_CHANGES = {"option": None, "price": None, "quantity": None}
# Every state, and what each operation makes of it, written down independently of the code; None is that it stays as it
# is. The rest is refused.
EXPECTED: dict[str, dict[str, str | None]] = {
    "trial": {
        "trial restart": "trial",
        "trial skip": "active",
        "trial stop": "cancelled",
        "pause": "paused",
        "cancel": "cancelled",
        "cancel --when": "cancellation_scheduled",
        "billing-date": "trial",
        **_CHANGES,
    },
    "active": {
        "force-bill": "active",
        "pause": "paused",
        "cancel": "cancelled",
        "cancel --when": "cancellation_scheduled",
        "billing-date": "active",
        **_CHANGES,
    },
    "paused": {
        "pause": "paused",
        "resume": "active",
        "cancel": "cancelled",
        "cancel --when": "cancellation_scheduled",
        "billing-date": "paused",
        **_CHANGES,
    },
    "recycle_billing": {
        "force-bill": "active",
        "cancel": "cancelled",
        "cancel --when": "cancellation_scheduled",
        "billing-date": "recycle_billing",
        **_CHANGES,
    },
    "recycle_failed": {"force-bill": "active", "cancel": "cancelled", **_CHANGES},
    "cancellation_scheduled": {
        "force-bill": "cancellation_scheduled",
        "resume": "active",
        "cancel": "cancelled",
        "cancel --when": "cancellation_scheduled",
        "billing-date": "cancellation_scheduled",
        **_CHANGES,
    },
    "cancelled": {"reactivate": "active"},
    "complete": {},
}
# What an answered billing does to a purchase; and `resume` to one whose cancellation is scheduled while it is declined.
BILLED = {
    "bill": "active",
    "bill for the last time": "complete",
    "decline softly": "recycle_billing",
    "decline": "recycle_failed",
}
OUTCOMES: dict[str, dict[str, str]] = {
    "trial": BILLED,
    "active": BILLED,
    "paused": {},
    "recycle_billing": {**BILLED, "call off a cancellation": "recycle_billing"},
    "recycle_failed": {
        "bill": "active",
        "bill for the last time": "complete",
        "call off a cancellation": "recycle_failed",
    },
    "cancellation_scheduled": {**BILLED, "bill": "cancellation_scheduled"},
    "cancelled": {},
    "complete": {},
}
WORDS = {
    "trial restart": "trial restart {}",
    "trial skip": "trial skip {}",
    "trial stop": "trial stop {}",
    "option": "option {} large",
    "price": "price {} tea-half",
    "billing-date": "billing-date {} 2026-03-20",
    "quantity": "quantity {} --quantity 3 --unit-price 9.00",
    "force-bill": "force-bill {} --cycle 2",
    "pause": "pause {} --until 2026-04-01",
    "resume": "resume {}",
    "reactivate": "reactivate {}",
    "cancel": "cancel {}",
    "cancel --when": "cancel {} --when after-next",
}


def _catalog(shop: Shop) -> None:
    make_price(shop, "tea", "10.00", sku="tea", interval="month", trial_days=14)
    make_price(shop, "tea-half", "5.00", sku="tea", interval="month")
    make_price(shop, "tea-large", "15.00", sku="tea", option="large", interval="month")


def test_each_operation_does_in_each_state_what_the_rules_say_and_nothing_else(shop: Shop) -> None:
    _catalog(shop)
    order = make_order(shop)
    make_payment_method(shop, customer_of(shop, order))
    for status, operation in itertools.product(EXPECTED, WORDS):
        purchase = make_purchase(
            shop, order, "10.00", price="tea", status=PurchaseStatus(status), next_bill_on="2026-03-31"
        )

        done = shop(f"purchase {WORDS[operation].format(purchase)} --yes -o json")

        kept = shop.sql("SELECT status FROM purchases WHERE id = :id", id=int(purchase[4:]))[0]["status"]
        where = f"{operation} of one that is {status}"
        if operation in EXPECTED[status]:
            assert (done.code, kept) == (0, EXPECTED[status][operation] or status), where
            assert done.json[0]["outcome"] in ("updated", "cancelled", "billed"), where
        else:
            assert (done.code, kept) == (5, status), where
            assert done.json[0]["outcome"] == "refused", where


def test_the_table_is_that_of_the_rules() -> None:
    for status, operation in itertools.product(PurchaseStatus, Operation):
        allowed: dict[str, str | None] = {**EXPECTED[status.value], **OUTCOMES[status.value]}
        if operation.value in allowed:
            assert after("pur_1", status, operation) == (allowed[operation.value] or status)
        else:
            with pytest.raises(Conflict):
                after("pur_1", status, operation)


def test_nothing_but_reactivation_leads_out_of_what_is_over() -> None:
    assert {operation for state, operation in TABLE if state.over} == {Operation.REACTIVATE}


@on_sqlite
def test_a_refusal_says_why_and_which_commands_would_work(shop: Shop) -> None:
    paused = make_purchase(shop, status=PurchaseStatus.PAUSED, interval="month", paused_until="2026-04-01")

    done = shop(f"purchase force-bill {paused} --yes -o json")

    assert done.error["message"] == f"{paused} is paused: it cannot be billed"
    assert done.error["fix"] == f"csctl purchase resume {paused} or csctl purchase cancel {paused}"
