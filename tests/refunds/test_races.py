"""While a gateway takes its time others work too, workers die, and connections are lost (domain rules, section 3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from csctl import database
from csctl.clock import parse_time
from csctl.domain.states import Kind
from csctl.gateways import urls
from csctl.gateways.operations import Answer, Operation, Sale
from csctl.gateways.sandbox import Sandbox
from csctl.services.payments import engine
from tests.factories import make_sale
from tests.refunds.scenes import APPROVED, SENT, finished, gateway, paid, rebilled, sending
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

TUESDAY = "2026-03-03T09:00:00Z"
HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


# -- others, at the same time


@on_sqlite
def test_what_others_took_while_a_part_was_under_way_is_not_returned_twice(shop: Shop) -> None:
    order, sales = rebilled(shop)
    run = sending(shop, f"order refund {order} --all-cycles --amount 22 --yes -o json", 2500)
    shop("txn reconcile", at="2026-03-02T09:06:00Z")  # its lease is over, and the waiting part taken for abandoned

    shop(f"txn refund {sales[0]} --yes", at="2026-03-02T09:06:30Z")
    code, _, err = finished(run)
    again = shop("txn reconcile", at="2026-03-02T09:20:00Z")

    assert code != 1, err
    assert again.code != 1
    assert shop("db check").code == 0
    assert sum(float(amount) for _, amount in paid(shop)) <= 2 * 19.99


@on_sqlite
def test_a_refusal_of_what_another_has_closed_since_changes_nothing(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined")
    run = sending(shop, f"txn refund {sale} --yes -o json", 2500)
    asked = shop("txn reconcile -o json", at="2026-03-02T09:06:00Z").json
    closed = shop.sql("SELECT * FROM transactions ORDER BY id"), shop.sql("SELECT * FROM refund_queue")

    code, _, err = finished(run)

    assert ([row["outcome"] for row in asked], code) == (["queued"], 12), err
    assert (shop.sql("SELECT * FROM transactions ORDER BY id"), shop.sql("SELECT * FROM refund_queue")) == closed


@on_sqlite
def test_a_part_that_was_abandoned_since_is_not_sent(shop: Shop) -> None:
    order, _ = rebilled(shop)
    run = sending(shop, f"order refund {order} --all-cycles --yes -o json", 2500)
    waiting = shop.sql("SELECT id FROM transactions WHERE state = 'created'")[0]["id"]

    shop(f"txn reconcile txn_{waiting}", at="2026-03-02T09:06:00Z")
    code, _, err = finished(run)

    assert code != 1, err
    assert shop("queue retry", at=TUESDAY).code == 0
    assert len(paid(shop)) == 1


@pytest.mark.parametrize("command", ["txn refund txn_1", "order refund ord_1"])
def test_the_same_request_at_once_is_carried_out_once(shop: Shop, command: str) -> None:
    make_sale(shop, settled=False)  # so that the gateway is asked first, and both have time to begin
    words, slow = f"{command} --amount 5 --request-id K --yes -o json", gateway(shop, "latency_ms=800")

    for run in [shop.start(words, at=TUESDAY, env=slow) for _ in range(2)]:
        finished(run)

    assert paid(shop) == [("refund", "5.00")]


@on_sqlite
def test_a_sale_that_is_disputed_between_the_parts_of_an_order_is_not_refunded(shop: Shop) -> None:
    order, sales = rebilled(shop)
    run = sending(shop, f"order refund {order} --all-cycles --yes")

    disputed = shop(f"txn dispute {sales[0]}")
    finished(run)

    assert disputed.code == 0
    assert paid(shop) == [("refund", "19.99")]


@on_sqlite
def test_a_sale_that_is_disputed_while_its_void_is_refused_is_not_refunded_instead(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)
    run = sending(shop, "order refund ord_1 --yes", at=TUESDAY)

    disputed = shop(f"txn dispute {sale}", at=TUESDAY)
    finished(run)

    assert disputed.code == 0
    assert paid(shop) == []


def test_any_number_may_use_a_new_account_first_at_once(shop: Shop) -> None:
    sales = [make_sale(shop, adopt=False) for _ in range(4)]
    shop.adopt()
    new = {"CSCTL_GATEWAY_NEW": f"sandbox:{shop.folder}/new.db"}

    ends = [finished(run) for run in [shop.start(f"txn refund {sale} --yes", env=new) for sale in sales]]

    assert [code for code, _, _ in ends] == [0] * 4, ends


# -- workers that die, or sleep


@on_sqlite
def test_a_request_whose_void_died_is_queued_and_paid_once(shop: Shop) -> None:
    make_sale(shop, settled=False)
    words = "order refund ord_1 --request-id K --yes"
    run = sending(shop, words, at=TUESDAY)
    run.kill()
    run.wait()
    shop("txn reconcile", at="2026-03-03T09:06:00Z")

    again = shop(f"{words} -o json", at="2026-03-03T09:07:00Z")
    for day in (4, 5):
        shop("queue retry", at=f"2026-03-0{day}T09:00:00Z")

    assert (again.code, again.json[0]["outcome"]) == (12, "queued")
    assert paid(shop) == [("refund", "19.99")]


@on_sqlite
def test_an_approval_that_comes_after_the_refund_was_found_absent_is_not_repeated(shop: Shop) -> None:
    sale = make_sale(shop)
    run = sending(shop, f"txn refund {sale} --amount 5 --yes")
    shop("txn reconcile", at="2026-03-02T09:06:00Z")
    finished(run)

    for day in (3, 4):
        shop("queue retry", at=f"2026-03-0{day}T09:00:00Z")

    assert paid(shop) == [("refund", "5.00")]


@on_sqlite
def test_a_late_answer_is_recorded_where_the_gateway_cannot_be_asked(shop: Shop) -> None:
    mute = "&lookup=off&idempotency=off"
    shop.env |= gateway(shop, mute.removeprefix("&"))
    sale = make_sale(shop)
    run = sending(shop, f"txn refund {sale} --amount 5 --yes", options=mute)

    shop("txn reconcile", at="2026-03-02T09:06:00Z")
    finished(run)

    assert shop.sql("SELECT state FROM transactions WHERE kind = 'refund'") == [{"state": "approved"}]


@on_sqlite
def test_an_attempt_whose_answer_is_found_after_midnight_does_not_take_the_new_days_turn(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")
    run = sending(shop, "queue retry", at="2026-03-03T23:58:00Z")
    run.kill()
    run.wait()
    key = shop.sql("SELECT key FROM transactions WHERE state = 'sent'")[0]["key"]
    reference = shop.sql("SELECT gateway_ref FROM transactions WHERE id = 1")[0]["gateway_ref"]
    just_before = parse_time("2026-03-03T23:58:30Z")
    account = Sandbox.at(urls.parse(f"sandbox:{shop.sandbox}"), lambda: just_before, UTC)
    sold = Sale(reference, 1999, "USD", just_before)
    account.refund(Operation(Kind.REFUND, key, 1999, "USD", just_before, sale=sold))  # the gateway did it all the same

    shop("txn reconcile", at="2026-03-04T00:04:00Z")
    done = shop("queue retry -o json", at="2026-03-04T09:00:00Z")

    assert [(row["outcome"], row["attempt"]) for row in done.json] == [("queued", 2)]


# -- output without a reader, and signals


@on_sqlite
def test_what_is_under_way_when_the_pipe_closes_is_recorded(shop: Shop) -> None:
    sales = [make_sale(shop, adopt=False) for _ in range(10)]
    shop.adopt()
    words = f"txn refund {' '.join(sales)} --amount 5 --concurrency 4 --yes -o jsonl"
    run = shop.start(words, env=gateway(shop, "latency_ms=300"))
    assert run.stdout is not None

    run.stdout.readline()
    run.stdout.close()

    assert run.wait(timeout=60) == 3
    assert shop.sql("SELECT DISTINCT state FROM transactions WHERE kind = 'refund'") == [{"state": "approved"}]


@on_sqlite
def test_sigterm_records_what_is_under_way_and_leaves_valid_json(shop: Shop) -> None:
    sales = [make_sale(shop, adopt=False) for _ in range(10)]
    shop.adopt()
    run = shop.start(f"txn refund {' '.join(sales)} --amount 5 --yes -o json", env=gateway(shop, "latency_ms=400"))
    shop.wait_for(APPROVED)

    run.terminate()
    code, out, _ = finished(run)

    assert code == 143
    assert 0 < len(json.loads(out)) < 10
    assert shop.sql("SELECT DISTINCT state FROM transactions WHERE kind = 'refund'") == [{"state": "approved"}]


# -- a database that goes away after the call


@on_postgresql
def test_a_call_is_not_repeated_when_the_connection_is_lost_after_it(shop: Shop) -> None:
    sale = make_sale(shop)
    run = sending(shop, f"txn refund {sale} --amount 5 --yes -o json")

    shop.sql(HANG_UP)
    code, _, err = finished(run)
    shop("txn reconcile", at="2026-03-02T09:10:00Z")

    assert code in (0, 9), err
    assert paid(shop) == [("refund", "5.00")]


@on_postgresql
def test_what_was_done_before_the_connection_was_lost_is_shown(shop: Shop) -> None:
    first, second = make_sale(shop), make_sale(shop)
    run = shop.start(f"txn refund {first} {second} --amount 5 --yes", env=gateway(shop, "latency_ms=1500"))
    shop.wait_for(APPROVED)
    shop.wait_for(SENT)

    shop.sql(HANG_UP)
    _, out, _ = finished(run)

    assert first in out


@pytest.fixture
def held_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Another process executes a statement when the gateway has refunded, and keeps its locks. csctl waits no half
    minute for its locks.
    """
    monkeypatch.setattr(database, "_LOCK_WAIT_MS", 100)
    monkeypatch.setattr(engine, "_PATIENCE", (0, 0, 0))
    refund, other = Sandbox.refund, create_engine(shop.database_url, connect_args=_of_any_thread(shop))
    with other.connect() as another:

        def hold_after(statement: str) -> None:
            def refund_and_hold(*order: Any) -> Answer:
                answer = refund(*order)
                another.execute(text(statement))
                return answer

            monkeypatch.setattr(Sandbox, "refund", refund_and_hold)

        yield hold_after
    other.dispose()


def _of_any_thread(shop: Shop) -> dict[str, bool]:
    return {"check_same_thread": False} if shop.database_url.startswith("sqlite") else {}


@on_postgresql
def test_a_lock_that_is_not_had_for_the_outcome_makes_it_unknown_and_not_lost(
    shop: Shop, held_up: Callable[[str], None]
) -> None:
    _, sales = rebilled(shop, 1)
    held_up("SELECT id FROM purchases FOR UPDATE")

    done = shop(f"txn refund {sales[0]} --amount 5 --cancel --yes -o json")

    assert (done.code, [row["outcome"] for row in done.json]) == (9, ["unknown"])
    assert paid(shop) == [("refund", "5.00")]


@on_sqlite
def test_a_database_that_is_busy_after_the_call_makes_the_outcome_unknown(
    shop: Shop, held_up: Callable[[str], None]
) -> None:
    sale = make_sale(shop)
    held_up("UPDATE orders SET id = id")

    done = shop(f"txn refund {sale} --amount 5 --yes -o json")

    assert (done.code, [row["outcome"] for row in done.json]) == (9, ["unknown"])


def _fail(shop: Shop, state: str) -> None:
    """The database ends the transaction of an outcome with this SQLSTATE: each but the second one."""
    shop.sql("CREATE SEQUENCE tries")
    shop.sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('tries') <> 2 THEN RAISE EXCEPTION 'try again' USING ERRCODE = '{state}'; END IF;"
        " RETURN NEW; END $$"
    )
    shop.sql(
        "CREATE TRIGGER fail BEFORE UPDATE ON transactions FOR EACH ROW"
        " WHEN (OLD.state = 'sent' AND NEW.state = 'approved') EXECUTE FUNCTION fail()"
    )


@on_postgresql
@pytest.mark.parametrize("state", ["40P01", "40001"])
def test_an_outcome_that_a_deadlock_or_serialization_failure_undoes_is_recorded_once_more(
    shop: Shop, state: str
) -> None:
    first, second = make_sale(shop), make_sale(shop)
    _fail(shop, state)

    recorded = shop(f"txn refund {first} --amount 5 --yes -o json")
    lost = shop(f"txn refund {second} --amount 5 --yes -o json")
    tries = shop.sql("SELECT last_value FROM tries")
    settled = shop("txn reconcile -o json", at="2026-03-02T09:10:00Z")

    assert (recorded.code, recorded.json[0]["outcome"]) == (0, "refunded")
    assert (lost.code, lost.json[0]["outcome"]) == (9, "unknown")
    assert tries == [{"last_value": 2 + 2}]
    assert (settled.code, settled.json[0]["outcome"]) == (0, "refunded")
    assert paid(shop) == [("refund", "5.00")] * 2
