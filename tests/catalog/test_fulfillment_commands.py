"""Looking at shipments and moving them on."""

from __future__ import annotations

from pathlib import Path

from tests.factories import customer_of, make_customer, make_fulfillment, make_order
from tests.shops import Shop


def test_a_listing_has_the_newest_first_and_can_be_narrowed(shop: Shop) -> None:
    order = make_order(shop)
    held = make_fulfillment(shop, order, "hold")
    shipped = make_fulfillment(shop, order, "shipped")
    elsewhere = make_fulfillment(shop, status="hold")

    assert shop("fulfillment list -o name").out.split() == [elsewhere, shipped, held]
    assert shop("fulfillment list --status hold -o name").out.split() == [elsewhere, held]
    assert shop(f"fulfillment list --order {order} -o name").out.split() == [shipped, held]
    assert shop(f"fulfillment list --customer {customer_of(shop, order)} --limit 1 -o name").out.split() == [shipped]


def test_a_shipment_is_shown_with_the_keys_of_the_contract(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop, status="shipped", tracking="1Z999")

    shown = shop(f"fulfillment show {fulfillment} -o json").json

    assert {"id", "order_id", "status", "carrier", "tracking", "reship_of", "shipped_at"} <= shown.keys()
    assert (shown["carrier"], shown["tracking"], shown["reship_of"]) == ("UPS", "1Z999", None)


def test_a_shipment_that_is_not_there_is_not_found(shop: Shop) -> None:
    assert shop("fulfillment show ful_99").code == 4
    assert shop("fulfillment hold ful_99").code == 4
    assert "txn show txn_9" in shop("fulfillment hold txn_9").err


def test_what_is_shipped_has_a_carrier_a_number_and_a_time(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop)

    done = shop(f"fulfillment ship {fulfillment} --carrier DHL --tracking 00340434161094015902 -o json", as_="agent")

    assert done.json[0]["outcome"] == "updated"
    shown = shop(f"fulfillment show {fulfillment} -o json").json
    assert (shown["carrier"], shown["tracking"]) == ("DHL", "00340434161094015902")
    assert shown["shipped_at"] == shop.now


def test_shipping_without_a_number_is_a_usage_error_and_touches_nothing(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop)

    for words in (f"{fulfillment} --carrier DHL", f"{fulfillment} --tracking 1", "--carrier DHL --tracking 1"):
        done = shop(f"fulfillment ship {words}")
        assert (done.code, done.out) == (2, "")
    assert shop(f"fulfillment show {fulfillment} -o json").json["status"] == "pending"


def test_a_carriers_file_ships_what_it_names_and_reports_each_line(shop: Shop, tmp_path: Path) -> None:
    first = make_fulfillment(shop)
    make_fulfillment(shop, external_id="WH-2", status="pending_shipment")
    held = make_fulfillment(shop, status="hold")
    file = tmp_path / "tracking.csv"
    file.write_text(
        f"id,external_id,tracking,carrier\n{first},,T1,DHL\n,WH-2,T2,\n{held},,T3,\n,WH-9,T4,\n,,T5,\n{first}\n",
        encoding="utf-8-sig",  # as spreadsheets write it
    )

    done = shop(f"fulfillment ship --from {file} --carrier UPS --yes -o json")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["updated", "updated"] + 4 * ["refused"]
    assert [row["error"]["exit"] for row in done.json[2:]] == [5, 4, 2, 2]
    assert done.json[4]["id"] == "line 6"
    kept = shop.sql("SELECT carrier, tracking FROM fulfillments WHERE status = 'shipped' ORDER BY id")
    assert [tuple(row.values()) for row in kept] == [("DHL", "T1"), ("UPS", "T2")]


def test_a_carriers_file_may_be_given_twice(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop)
    file = f"id,carrier,tracking\n{fulfillment},DHL,T1\n"

    first = shop("fulfillment ship --from - --yes -o json", input=file)
    second = shop("fulfillment ship --from - --yes -o json", input=file)

    assert (first.code, first.json[0]["outcome"]) == (0, "updated")
    assert (second.code, second.json[0]["outcome"]) == (0, "skipped")


def test_a_file_with_an_unknown_column_is_refused_as_a_whole(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop)

    for file in (
        f"id,carier,tracking\n{fulfillment},DHL,T1\n",
        f"id,carrier\n{fulfillment},DHL\n",
        "carrier,tracking\nDHL,T1\n",
    ):
        done = shop("fulfillment ship --from - --yes", input=file)
        assert (done.code, done.out) == (2, ""), file
    assert shop("fulfillment ship --from - --yes", input=b"id,carrier,tracking\n1,\xff,2\n").code == 2
    assert shop(f"fulfillment show {fulfillment} -o json").json["status"] == "pending"


def test_a_reshipment_is_a_new_shipment_that_points_at_the_old_one(shop: Shop) -> None:
    lost = make_fulfillment(shop, status="failed")

    done = shop(f"fulfillment reship {lost} -o json", as_="agent")

    new = done.json[0]["fulfillment_id"]
    assert done.json[0]["outcome"] == "reshipped"
    shown = shop(f"fulfillment show {new} -o json").json
    assert (shown["status"], shown["reship_of"], shown["tracking"]) == ("pending", lost, None)
    assert shop(f"fulfillment show {lost} -o json").json["reshipped_as"] == [new]


def test_two_agents_who_hear_of_one_lost_parcel_send_one_more(shop: Shop) -> None:
    lost = make_fulfillment(shop, status="shipped")

    assert shop(f"fulfillment reship {lost}").code == 0
    assert shop(f"fulfillment reship {lost}").code == 5
    assert len(shop("fulfillment list -o json").json) == 2


def test_a_return_is_announced_first_and_in_the_house_the_second_time(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop, status="delivered")

    messages = [shop(f"fulfillment return {fulfillment} -o json").json[0]["message"] for _ in range(2)]

    assert messages == ["delivered -> rma_pending", "rma_pending -> returned"]
    assert shop(f"fulfillment return {fulfillment}").code == 5


def test_ids_are_read_from_standard_input_and_one_that_fails_stops_no_other(shop: Shop) -> None:
    held, gone = make_fulfillment(shop, status="hold"), make_fulfillment(shop, status="shipped")
    last = make_fulfillment(shop, status="hold")

    done = shop("fulfillment release - --yes -o json", input=f"{held}\n{gone}\n{last}\n")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["updated", "refused", "updated"]


def test_with_fail_fast_nothing_is_begun_after_the_first_failure(shop: Shop) -> None:
    gone, held = make_fulfillment(shop, status="shipped"), make_fulfillment(shop, status="hold")

    done = shop(f"fulfillment release {gone} {held} --fail-fast --yes -o json")

    assert [row["outcome"] for row in done.json] == ["refused"]
    assert shop(f"fulfillment show {held} -o json").json["status"] == "hold"


def test_a_dry_run_says_the_same_and_changes_nothing(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop, status="shipped")

    dry = shop(f"fulfillment reship {fulfillment} --dry-run -o json")

    assert dry.json[0]["dry_run"] is True
    assert dry.json[0]["outcome"] == "reshipped"
    assert shop("fulfillment list -o name").out.split() == [fulfillment]
    assert shop.sql("SELECT * FROM audit WHERE command = 'fulfillment reship'") == []


def test_cancelling_asks_first(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop)

    assert shop(f"fulfillment cancel {fulfillment}").code == 2
    assert shop(f"fulfillment cancel {fulfillment} --yes -o json").json[0]["outcome"] == "cancelled"


def test_every_change_is_in_the_history_and_in_the_audit_log(shop: Shop) -> None:
    customer = make_customer(shop)
    order = make_order(shop, customer)
    fulfillment = make_fulfillment(shop, order)

    shop(f"fulfillment ship {fulfillment} --carrier DHL --tracking T1", as_="agent")

    entry = shop(f"customer history {customer} -o json").json[0]
    assert (entry["text"], entry["operator"]) == (f"{fulfillment} is now shipped with DHL, T1", "agent")
    assert entry["order_id"] == order
    trail = shop(f"audit list --target {fulfillment} -o json").json
    assert [(row["command"], row["outcome"]) for row in trail] == [("fulfillment ship", "updated")]
    assert trail[0]["changes"] == {"before": "pending", "after": "shipped"}


def test_shipments_are_no_work_for_cron(shop: Shop) -> None:
    fulfillment = make_fulfillment(shop)

    done = shop(f"fulfillment hold {fulfillment}", as_="service")

    assert done.code == 6
    assert shop.sql("SELECT outcome FROM audit WHERE command = 'fulfillment hold'") == [{"outcome": "refused"}]


def test_what_was_cancelled_is_sent_only_after_a_question_and_a_script_is_warned(shop: Shop) -> None:
    order = make_order(shop, status="cancelled", cancelled_at="2026-03-01T09:00:00Z")
    held = make_fulfillment(shop, order, status="hold")

    asked = shop(f"fulfillment release {held}")
    warned = shop(f"fulfillment release {held} --yes")

    assert (asked.code, warned.code) == (2, 0)
    assert "Warning" in warned.err
    assert f"{order} " in warned.err


def test_a_tracking_number_may_look_like_a_card_number(shop: Shop) -> None:
    done = shop(f"fulfillment ship {make_fulfillment(shop)} --carrier UPS --tracking 4242424242424242 --yes")

    assert done.code == 0, done.err
