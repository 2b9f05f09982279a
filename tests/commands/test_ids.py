"""Ids in arguments and on standard input, and the messages about them."""

from __future__ import annotations

import json

import pytest

from tests.commands.many import make_sales
from tests.commands.test_terminal import all_of
from tests.factories import make_customer, make_order, make_sale
from tests.refunds.scenes import paid
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite


def queued(shop: Shop, number: int, token: str = "tok_refund_declined") -> list[str]:
    """Sales with a queued refund, whose retry is due the next day."""
    sales = make_sales(shop, number, token=token)
    shop.adopt()
    assert shop(f"txn refund {' '.join(sales)} --yes").code == 12
    shop.now = "2026-03-03T09:00:00Z"
    return sales


@pytest.mark.parametrize("words", ["queue retry -", "txn reconcile -", "txn sync -", "email send -", "txn refund -"])
@pytest.mark.parametrize("ids", ["", "# none today\n\n"])
def test_empty_stdin_never_means_all_records(shop: Shop, words: str, ids: str) -> None:
    queued(shop, 1, "tok_refund_declined_1")
    make_sale(shop, settled=False)
    shop.env["CSCTL_MAIL_URL"] = ""
    order = make_order(shop)
    shop(f"order resend-email {order}")
    del shop.env["CSCTL_MAIL_URL"]
    before = shop.ledger(), shop.sql("SELECT count(*) FROM audit"), shop.sql("SELECT state FROM emails")
    done = shop(f"{words} --yes -o json", input=ids)

    assert (done.code, done.json) == (0, [])
    assert "nothing to do" in done.err
    assert (shop.ledger(), shop.sql("SELECT count(*) FROM audit"), shop.sql("SELECT state FROM emails")) == before


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("order show pm_1", "csctl customer payment-method list"),
        ("customer payment-method default pm_9", "csctl customer payment-method list"),
        ("order show opr_1", "csctl operator list"),
        ("order show aud_1", "csctl audit list"),
        ("order show his_1", "csctl customer history CUS"),
        ("customer show cus_9", "csctl customer search NAME"),
    ],
)
def test_the_fix_for_a_wrong_id_can_be_typed(shop: Shop, words: str, fix: str) -> None:
    customer = make_customer(shop)
    done = shop(f"{words} -o json")

    error = done.json[0]["error"] if done.out else done.error
    assert error["fix"] == fix
    assert shop(fix.removeprefix("csctl ").replace("CUS", customer)).code == 0


def test_json_objects_with_an_id_are_accepted_on_stdin(shop: Shop) -> None:
    sales = make_sales(shop, 3)
    shop.adopt()
    listed = shop("txn list --kind sale -o jsonl").out
    done = shop("txn refund - --yes -o json", input=listed)

    assert sorted(row["id"] for row in done.json) == sales
    assert len(paid(shop)) == 3


def test_an_invalid_line_is_reported_before_anything_is_done(shop: Shop) -> None:
    (sale,) = make_sales(shop, 1)
    shop.adopt()
    for bad in ("nonsense", "ord_1", "1e5", '{"name": 1}', "[1]"):
        done = shop("txn refund - --yes -o json", input=f"{sale}\n{bad}\n")

        assert (done.code, done.out) == (2, "")
        assert "line 2" in done.error["message"]
    assert paid(shop) == []


def test_a_name_that_no_record_has_stops_a_list_before_anything_is_done(shop: Shop) -> None:
    (sale,) = make_sales(shop, 1)
    shop.adopt()

    piped = shop("txn refund - --yes -o json", input=f"{sale}\n#1001\n'1002'\n")
    typed = shop(f"txn refund {sale} nonsense --yes -o json")

    assert (piped.code, typed.code) == (2, 4)
    assert "line 3" in piped.error["message"]
    assert "nonsense" in typed.error["message"]
    assert paid(shop) == []


def test_a_json_array_on_stdin_is_refused_with_the_right_format(shop: Shop) -> None:
    make_sales(shop, 2)
    done = shop("txn refund - --yes -o json", input=shop("txn list -o json").out)

    assert done.code == 2
    assert "-o jsonl" in done.error["fix"]
    assert "-o name" in done.error["fix"]


def test_stdin_that_is_a_terminal_is_refused_for_ids(shop: Shop) -> None:
    child = shop.terminal("txn refund - --yes")
    said = all_of(child)

    assert child.exitstatus == 2
    assert "which is a terminal" in said


def test_an_id_of_another_kind_suggests_the_command_for_that_kind(shop: Shop) -> None:
    def fix(words: str) -> str:
        return str(shop(f"{words} -o json").error["fix"])

    assert fix("txn refund ord_1") == "csctl order refund ord_1"
    assert fix("order refund txn_1") == "csctl txn refund txn_1"
    assert fix("order cancel pur_1") == "csctl purchase cancel pur_1"
    assert fix("txn void cus_1") == "csctl customer show cus_1"
    assert fix("txn list --order txn_1") == "csctl txn show txn_1"
    assert "is not an order id" in shop("order show txn_1").err


# -- what is said of one


@pytest.mark.parametrize("words", ["queue retry", "txn reconcile"])
def test_a_complete_cron_run_prints_no_error_for_a_failed_record(shop: Shop, words: str) -> None:
    if words == "queue retry":
        queued(shop, 1)
    else:
        sale = make_sale(shop, settled=False, token="tok_timeout_lost")
        shop(f"txn void {sale} --yes")
        shop.now = "2026-03-03T09:00:00Z"
    done = shop(words)

    assert done.code == 0, done.err
    assert done.out
    assert "Error" not in done.err


def test_a_single_failed_record_prints_its_error(shop: Shop) -> None:
    (sale,) = make_sales(shop, 1, token="tok_refund_declined")
    shop.adopt()
    done = shop(f"txn refund {sale} --yes -o json")

    assert done.code == 12
    assert done.error["code"] == "gateway_refused"


def test_a_refusal_prints_cause_and_fix(shop: Shop) -> None:
    voided, refunded = make_sale(shop, settled=False), make_sale(shop)
    shop(f"txn void {voided} --yes")
    refund = shop(f"txn refund {refunded} --yes -o json").json[0]["transaction_id"]
    for words in (f"txn refund {voided}", f"txn void {voided}", f"txn refund {refund}", f"txn void {refund}"):
        assert str(shop(f"{words} --yes -o json").error["fix"]).startswith("csctl "), words

    nowhere = {"CSCTL_GATEWAY_MAIN": "sandbox:/nowhere/at/all/ledger.db"}
    done = shop(f"txn refund {make_sale(shop)} --yes -o json", env=nowhere)
    assert done.code == 11
    assert "CSCTL_GATEWAY" in done.error["fix"]


def test_queued_refunds_are_not_offered_for_retry_failed(shop: Shop) -> None:
    sales = make_sales(shop, 2, token="tok_refund_declined")
    shop.adopt()

    assert "--retry-failed" not in shop(f"txn refund {' '.join(sales)} --yes").err
    assert "--retry-failed" in shop("txn refund txn_998 txn_999 --yes").err


def test_a_dry_run_in_json_has_the_keys_of_the_change(shop: Shop) -> None:
    (sale,) = make_sales(shop, 1)
    rehearsed, done = (shop(f"txn resend-email {sale} -o json {how}").json[0] for how in ("--dry-run", ""))

    assert done["outcome"] == "refused"
    assert list(rehearsed) == list(done)


def test_fields_are_printed_in_the_given_order(shop: Shop) -> None:
    make_customer(shop, first_name="Joan")
    words = "customer search joan --fields first_name,id,orders"

    assert shop(f"{words} -o csv").out.splitlines()[0] == "first_name,id,orders"
    assert list(shop(f"{words} -o json").json[0]) == ["first_name", "id", "orders"]
    assert shop(words).out.split()[:3] == ["first_name", "id", "orders"]


@pytest.mark.parametrize("fields", ["", ",", " , "])
def test_empty_fields_are_a_usage_error(shop: Shop, fields: str) -> None:
    done = shop("customer", "search", "jane", "--fields", fields, "-o", "json")

    assert (done.code, done.out) == (2, "")
    assert "id" in done.error["fix"]


def test_quiet_prints_errors_only(shop: Shop) -> None:
    sales = make_sales(shop, 3)
    shop.adopt()

    assert "There are more" in shop("txn list --limit 1").err
    assert shop("txn list --limit 1 --quiet").err == ""
    assert shop(f"txn refund {' '.join(sales)} --yes -q").err == ""
    assert "Error" in shop("txn refund txn_999 --yes -q").err


def test_joined_short_options_select_json_errors(shop: Shop) -> None:
    for flags in ("-qo json", "-qojson", "-yo json", "-qyo=json"):
        assert json.loads(shop(f"txn refund {flags} ord_1").err)["error"]["code"] == "usage"


# -- what they are called


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("customer note {customer} hello", "created 1 note"),
        ("customer create --first-name Ann", "created 1 customer"),
        ("queue notify add a@example.com b@example.com", "created 2 Notify Emails"),
        ("blacklist add --ip 192.0.2.1 --ip 192.0.2.2 --reason fraud --yes", "created 2 blacklist entries"),
        ("product create tea --name Tea", "created 1 product"),
        ("setting set shop-name Tea", "updated 1 setting"),
        ("operator disable agent", "updated 1 operator"),
        ("sandbox adopt", "updated 2 transactions"),
        ("order resend-email {order}", "sent 1 email"),
        ("sandbox reset --dry-run", "would remove 1 ledger"),
    ],
)
def test_the_summary_names_the_kind_of_record(shop: Shop, words: str, said: str) -> None:
    customer = make_customer(shop)
    order = make_order(shop, customer)
    for _ in "12":
        make_sale(shop, order=order)

    assert said in shop(words.format(customer=customer, order=order)).err


def test_a_comment_that_may_be_the_shops_number_of_an_order_is_pointed_out(shop: Shop) -> None:
    """A list of such numbers is else left out as a whole, with exit 0."""
    make_order(shop, external_id="#1001")

    done = shop("order cancel - --yes -o json", input="#1001\n#1002\n")

    assert (done.code, done.json) == (0, [])
    assert "Left out as comments: #1001, …. To name the order #1001, write 1001." in done.err
