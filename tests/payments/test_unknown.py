"""Answers that were lost: unknown is not failed (domain rules, section 3)."""

from __future__ import annotations

import json

import pytest

from csctl.errors import Conflict
from csctl.gateways.operations import Answer, Operation
from csctl.gateways.sandbox.account import Sandbox
from csctl.services.payments import returns
from tests.factories import make_sale
from tests.refunds.scenes import finished
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"


def with_gateway(shop: Shop, options: str) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] = f"sandbox:{shop.sandbox}?{options}"


def paid(shop: Shop) -> list[str]:
    return [row["amount"] for row in shop.ledger() if row["kind"] == "refund" and row["result"] == "approved"]


@pytest.mark.parametrize("options", ["idempotency=on", "idempotency=off"])
def test_a_lost_answer_is_unknown_and_asking_finds_that_it_was_carried_out(shop: Shop, options: str) -> None:
    with_gateway(shop, options)
    sale = make_sale(shop, token="tok_timeout_applied")

    lost = shop(f"txn refund {sale} --amount 5 --yes -o json")
    attempt = lost.json[0]["transaction_id"]
    found = shop("txn reconcile -o json", as_="service")
    nothing_left = shop("txn reconcile -o json", as_="service")

    assert (lost.code, lost.json[0]["outcome"]) == (9, "unknown")
    assert lost.json[0]["error"]["fix"] == f"csctl txn reconcile {attempt}"
    assert [(row["id"], row["outcome"]) for row in found.json] == [(attempt, "refunded")]
    assert nothing_left.json == []
    assert paid(shop) == ["5.00"]
    assert [row["kind"] for row in shop("email list -o json").json] == ["refund"]


def misread() -> None:
    """Make the gateway's adapter stumble over the answer to a refund that was carried out."""
    refund = Sandbox.refund

    def stumbling(gateway: Sandbox, op: Operation) -> Answer:
        refund(gateway, op)
        raise KeyError("status")

    Sandbox.refund = stumbling  # type: ignore[assignment, method-assign]


def test_an_answer_that_the_adapter_cannot_read_is_unknown(shop: Shop) -> None:
    sale = make_sale(shop)
    shop.adopt()

    code, out, said = finished(shop.start(f"txn refund {sale} --amount 5 --yes -o json", before=(__name__, "misread")))
    (row,) = json.loads(out)
    found = shop("txn reconcile -o json").json

    assert (code, row["outcome"]) == (9, "unknown"), said
    assert [one["outcome"] for one in found] == ["refunded"]
    assert paid(shop) == ["5.00"]


def stumble_while_booking() -> None:
    """Make a rule of csctl refuse what follows from an approved refund, once its amount is booked."""

    def refuse(*_of: object) -> None:
        raise Conflict("it does not fit")

    returns._after = refuse  # type: ignore[assignment]


@pytest.mark.both_databases
def test_of_an_answer_that_cannot_be_booked_nothing_is_kept_and_it_is_asked_for_again(shop: Shop) -> None:
    good, sale = make_sale(shop), make_sale(shop)
    shop.adopt()
    words = f"txn refund {good} {sale} --amount 5 --yes --concurrency 8 -o json"

    code, out, said = finished(shop.start(words, before=(__name__, "stumble_while_booking")))

    assert (code, [row["outcome"] for row in json.loads(out)]) == (9, ["unknown", "unknown"]), said
    assert shop.sql("SELECT DISTINCT state FROM transactions WHERE kind = 'refund'") == [{"state": "sent"}]
    assert shop("db check").code == 0
    found = shop("txn reconcile -o json", at="2026-03-02T09:10:00Z").json
    assert [row["outcome"] for row in found] == ["refunded", "refunded"]
    assert paid(shop) == ["5.00", "5.00"]


@pytest.mark.parametrize("options", ["idempotency=on", "idempotency=off"])
def test_a_refund_that_never_arrived_is_found_so_and_joins_the_queue(shop: Shop, options: str) -> None:
    with_gateway(shop, options)
    sale = make_sale(shop, token="tok_timeout_lost")
    shop(f"txn refund {sale} --yes")

    found = shop("txn reconcile -o json")
    shop("queue retry", at=TUESDAY)

    assert [row["outcome"] for row in found.json] == ["queued"]
    assert paid(shop) == ["19.99"]


def test_while_it_is_unknown_its_amount_cannot_be_refunded_again(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    shop(f"txn refund {sale} --yes")

    again = shop(f"txn refund {sale} --yes -o json")

    assert (again.code, paid(shop)) == (5, ["19.99"])
    assert "nothing remains" in again.json[0]["error"]["message"]


def test_every_run_of_the_cron_first_settles_what_is_unknown(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    shop(f"txn refund {sale} --yes")

    done = shop("queue retry -o json", as_="service", at=TUESDAY)

    assert (done.code, done.json) == (0, [])
    assert shop(f"txn show {sale} -o json").json["refunded"] == "19.99"
    assert len(shop.mails()) == 1


def test_a_gateway_that_cannot_be_asked_but_honours_keys_is_sent_the_same_key_again(shop: Shop) -> None:
    with_gateway(shop, "lookup=off")
    applied, lost = make_sale(shop, token="tok_timeout_applied"), make_sale(shop, token="tok_timeout_lost")
    shop(f"txn refund {applied} {lost} --yes")

    done = shop("txn reconcile -o json")

    assert [row["outcome"] for row in done.json] == ["refunded", "refunded"]
    assert paid(shop) == ["19.99", "19.99"]
    keys = [row["key"] for row in shop.ledger() if row["kind"] == "refund"]
    assert len(set(keys)) == 2


def test_a_key_is_not_relied_on_beyond_its_lifetime(shop: Shop) -> None:
    with_gateway(shop, "lookup=off")
    sale = make_sale(shop, token="tok_timeout_lost")
    shop(f"txn refund {sale} --yes")

    done = shop("txn reconcile -o json", at="2026-03-03T09:00:01Z")

    assert (done.code, done.json[0]["outcome"]) == (9, "unknown")
    assert paid(shop) == []


def test_a_gateway_that_can_do_neither_leaves_it_unknown_and_says_so(shop: Shop) -> None:
    with_gateway(shop, "lookup=off&idempotency=off")
    sale = make_sale(shop, token="tok_timeout_applied")
    assert shop(f"txn refund {make_sale(shop)} {sale} --amount 19.99 --yes").code == 3

    done = shop("txn reconcile -o json")
    cron = shop("queue retry", as_="service", at=TUESDAY)

    assert (done.code, done.json[0]["outcome"]) == (9, "unknown")
    assert shop(f"txn reconcile {done.json[0]['id']} {sale}").code == 9  # the sale is refused, the refund is unknown
    assert "cannot be asked" in done.json[0]["error"]["cause"]
    assert "--as approved|failed" in done.json[0]["error"]["fix"]
    assert cron.code == 9
    assert paid(shop) == ["19.99", "19.99"]


@pytest.mark.parametrize(("seen", "outcome", "again"), [("approved", "refunded", 0), ("failed", "queued", 1)])
def test_what_cannot_be_asked_is_settled_by_what_an_administrator_saw(
    shop: Shop, seen: str, outcome: str, again: int
) -> None:
    with_gateway(shop, "lookup=off&idempotency=off")
    sale = make_sale(shop, token=f"tok_timeout_{'applied' if seen == 'approved' else 'lost'}")
    attempt = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]

    agents = shop(f"txn reconcile {attempt} --as {seen}", as_="agent")
    done = shop(f"txn reconcile {attempt} --as {seen} -o json")
    cron = shop("queue retry -o json", as_="service", at=TUESDAY)

    assert agents.code == 6
    assert (done.code, done.json[0]["outcome"]) == (0, outcome)
    assert (cron.code, len(cron.json)) == (0, again)
    assert paid(shop) == ["19.99"]


def test_an_operator_cannot_decide_what_the_gateway_can_answer(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    attempt = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]

    assert shop(f"txn reconcile {attempt} --as failed").code == 5
    assert shop("txn reconcile --as failed").code == 2
    assert shop(f"txn reconcile {attempt}").code == 0


def test_a_pending_refund_is_accepted_and_approved_by_a_later_lookup(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_pending")

    accepted = shop(f"txn refund {sale} --yes -o json")
    same_day = shop("txn reconcile -o json")
    next_day = shop("txn reconcile -o json", at=TUESDAY)

    assert (accepted.code, accepted.json[0]["outcome"], accepted.json[0]["ok"]) == (0, "pending", True)
    assert [row["outcome"] for row in same_day.json] == ["pending"]
    assert [row["outcome"] for row in next_day.json] == ["refunded"]
    assert len(shop("email list -o json").json) == 1


def test_a_void_whose_answer_was_lost_is_settled_by_asking(shop: Shop) -> None:
    applied = make_sale(shop, settled=False, token="tok_timeout_applied")
    lost = make_sale(shop, settled=False, token="tok_timeout_lost")

    voids = shop(f"txn void {applied} {lost} --yes -o json")
    done = shop("txn reconcile -o json")

    assert voids.code == 9
    assert {row["outcome"] for row in done.json} == {"voided", "failed"}
    assert shop(f"txn show {applied} -o json").json["voided"] is True
    assert shop(f"txn void {lost} --yes --again").code == 0


def test_an_order_refund_never_falls_through_from_a_void_whose_answer_was_lost(shop: Shop) -> None:
    make_sale(shop, settled=False, token="tok_timeout_applied")

    done = shop("order refund ord_1 --yes -o json", at="2026-03-02T23:00:00Z")

    assert (done.code, done.json[0]["outcome"]) == (9, "unknown")
    assert done.json[0]["error"]["message"] == "the outcome of the void is unknown"
    assert [row["kind"] for row in shop.ledger() if row["kind"] != "sale"] == ["void"]


def test_named_transactions_may_be_reconciled_by_people_and_all_by_cron(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    attempt = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]

    assert shop("txn reconcile", as_="agent").code == 6
    assert shop(f"txn reconcile {attempt}", as_="service").code == 6
    assert shop(f"txn reconcile {attempt} -o json", as_="agent").json[0]["outcome"] == "refunded"


def test_what_is_being_worked_on_is_left_to_its_worker_until_the_lease_is_over(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    attempt = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]
    shop.sql(
        "UPDATE transactions SET state = 'sent', claim = 'a worker', lease_until = :until WHERE id = :id",
        until="2026-03-02 09:05:00",
        id=int(attempt.removeprefix("txn_")),
    )

    during = shop(f"txn reconcile {attempt} -o json")
    all_during = shop("txn reconcile -o json")
    after = shop("txn reconcile -o json", at="2026-03-02T09:05:01Z")

    assert during.code == 5
    assert all_during.json == []
    assert [row["outcome"] for row in after.json] == ["refunded"]


def test_what_was_never_sent_is_closed_without_joining_the_queue(shop: Shop) -> None:
    lost, applied = make_sale(shop, token="tok_timeout_lost"), make_sale(shop, token="tok_timeout_applied")
    shop(f"txn refund {lost} {applied} --yes")
    until = "2026-03-02 09:05:00"
    shop.sql("UPDATE transactions SET state = 'created', lease_until = :until WHERE kind = 'refund'", until=until)

    done = shop("txn reconcile -o json", at=TUESDAY)

    assert sorted(row["outcome"] for row in done.json) == [
        "failed",
        "refunded",
    ]  # or by a database that was restored since
    assert shop("queue list -o json").json == []
    assert [shop(f"txn show {sale} -o json").json["refundable"] for sale in (lost, applied)] == ["19.99", "0.00"]
