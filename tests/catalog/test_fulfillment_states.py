"""The state machine of shipments, walked through the command line."""

from __future__ import annotations

import itertools

from csctl.domain.fulfillments import TABLE, UNSHIPPED, Operation
from csctl.domain.states import FulfillmentStatus
from tests.factories import make_fulfillment, make_order
from tests.selection import on_sqlite
from tests.shops import Shop

# Every state, and what each operation makes of it, written down independently of the code. The rest is refused.
EXPECTED = {
    "hold": {"release": "pending", "cancel": "cancelled"},
    "pending": {"hold": "hold", "ship": "shipped", "cancel": "cancelled"},
    "pending_shipment": {"ship": "shipped", "fail": "failed", "cancel": "cancelled"},
    "shipped": {"deliver": "delivered", "return": "rma_pending", "fail": "failed", "reship": "shipped"},
    "delivered": {"return": "rma_pending", "reship": "delivered"},
    "rma_pending": {"return": "returned"},
    "returned": {"reship": "returned"},
    "cancelled": {},
    "failed": {"reship": "failed"},
}
OPERATIONS = [*(operation.value for operation in Operation), "reship"]


def test_each_operation_does_in_each_state_what_the_rules_say_and_nothing_else(shop: Shop) -> None:
    order = make_order(shop)
    for status, operation in itertools.product(EXPECTED, OPERATIONS):
        fulfillment = make_fulfillment(shop, order, status)
        how = "--carrier DHL --tracking 123" if operation == "ship" else ""

        done = shop(f"fulfillment {operation} {fulfillment} {how} --yes -o json")

        after = shop.sql("SELECT status FROM fulfillments WHERE id = :id", id=int(fulfillment[4:]))[0]["status"]
        where = f"{operation} of one that is {status}"
        if operation in EXPECTED[status]:
            assert (done.code, after) == (0, EXPECTED[status][operation]), where
        else:
            assert (done.code, after) == (5, status), where
            assert done.json[0]["outcome"] == "refused", where


def test_the_table_leads_out_of_every_state_that_is_not_final() -> None:
    final = {FulfillmentStatus.RETURNED, FulfillmentStatus.CANCELLED, FulfillmentStatus.FAILED}

    assert {state for state, _ in TABLE} == set(FulfillmentStatus) - final


def test_only_what_has_not_left_the_house_can_be_cancelled() -> None:
    assert {state for state, operation in TABLE if operation is Operation.CANCEL} == UNSHIPPED


@on_sqlite
def test_a_refusal_names_the_commands_that_would_work(shop: Shop) -> None:
    held = make_fulfillment(shop, status="hold")

    done = shop(f"fulfillment ship {held} --carrier DHL --tracking 123 -o json")

    assert done.error["fix"] == f"csctl fulfillment release {held} or csctl fulfillment cancel {held}"
