"""A real terminal: prompts, color, tables that fit, the progress bar."""

from __future__ import annotations

import re
from typing import Any

import pexpect
import pytest

from tests.commands.many import make_sales
from tests.factories import make_customer, make_fulfillment, make_order, make_purchase, make_sale
from tests.selection import one_database
from tests.shops import Shop

_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def all_of(child: pexpect.spawn[Any]) -> str:
    child.expect(pexpect.EOF)
    child.close()
    return str(child.before)


@one_database
def test_the_prompt_shows_count_and_total(shop: Shop) -> None:
    sales = [*make_sales(shop, 12), *make_sales(shop, 3, amount=500, currency="JPY")]
    shop.adopt()
    shop.sql("UPDATE transactions SET disputed_at = created_at WHERE id = 1")
    child = shop.terminal(f"txn refund {' '.join(sales)}")
    child.expect(r"Continue\? \[y/N\]")
    asked = str(child.before)
    child.sendline("")
    said = all_of(child)

    assert "would refund 14 transactions, 219.89 USD and 1,500 JPY; 1 would be refused: is disputed" in " ".join(
        asked.split()
    )
    assert child.exitstatus == 7
    assert "nothing was done" in said
    assert shop("run list -o json").json == []


@one_database
def test_the_prompt_names_a_record_and_its_outcome(shop: Shop) -> None:
    purchase = make_purchase(shop, interval="month", status="active", next_bill_on="2026-04-01")
    order = shop(f"purchase show {purchase} -o json").json["order_id"]
    make_sale(shop, "24.00", order=order, purchase=purchase)
    child = shop.terminal(f"purchase cancel {purchase} --refund-last")
    child.expect(r"Continue\? \[y/N\]")
    asked = str(child.before)
    child.sendline("n")
    all_of(child)

    assert "would refund 1 transaction, 24.00 USD" in asked
    assert purchase in asked
    assert "status active -> cancelled" in asked
    assert child.exitstatus == 7


@one_database
def test_the_prompt_says_what_else_is_cancelled(shop: Shop) -> None:
    sale = make_sale(shop)
    child = shop.terminal(f"txn refund {sale} --cancel")
    child.expect(r"Continue\? \[y/N\]")
    asked = str(child.before)
    child.sendline("n")
    all_of(child)

    assert "cancels the purchase" in asked


@one_database
def test_a_change_that_would_be_refused_does_not_ask(shop: Shop) -> None:
    disputed = make_sale(shop)
    shop(f"txn dispute {disputed}")
    shop("setting set agent-refund-limit '1 USD'")
    above = make_sale(shop)
    for words, as_, code in (
        ("txn refund txn_9999", "admin", 4),
        (f"txn refund {disputed} {disputed} -o json", "admin", 5),
        (f"txn refund {disputed} txn_9999", "admin", 3),
        (f"txn refund {above}", "agent", 6),
    ):
        child = shop.terminal(words, as_=as_)
        said = all_of(child)

        assert "Continue?" not in said
        assert child.exitstatus == code, said
    assert "refused" in said
    assert [row["kind"] for row in shop.ledger() if row["kind"] == "refund"] == []
    assert shop("run list -o json").json == []
    assert shop("audit list --command 'txn refund' -o json").json[0]["outcome"] == "refused"


@one_database
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 7), ("", 7), ("\x04", 7), ("\x03", 130)])
def test_only_y_confirms(shop: Shop, answer: str, code: int) -> None:
    (sale,) = make_sales(shop, 1)
    shop.adopt()
    child = shop.terminal(f"txn refund {sale}")
    child.expect(r"Continue\? \[y/N\]")
    child.send(answer) if answer in ("\x03", "\x04") else child.sendline(answer)
    all_of(child)

    assert child.exitstatus == code
    assert sum(row["kind"] == "refund" for row in shop.ledger()) == (1 if code == 0 else 0)


@one_database
def test_color_is_used_only_on_a_terminal(shop: Shop) -> None:
    make_customer(shop)

    assert "\x1b[" in all_of(shop.terminal("customer search jane"))
    assert "\x1b[31" in all_of(shop.terminal("customer show cus_999"))
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in all_of(shop.terminal("customer search jane", env=plain))
        assert "\x1b[" not in all_of(shop.terminal("customer show cus_999", env=plain))
    assert "\x1b[" not in all_of(shop.terminal("customer search jane --color never"))
    assert "\x1b[" not in shop("customer search jane").out
    assert "\x1b[1m" in shop("customer search jane --color always").out
    assert "\x1b[31" in shop("customer show cus_999 --color=always").err


@one_database
@pytest.mark.parametrize("columns", [80, 60])
def test_a_table_fits_the_terminal_and_is_not_cut_on_a_pipe(shop: Shop, columns: int) -> None:
    make_customer(shop, first_name="Bartholomew-Maximilian", last_name="von und zu Hohenstein-Wittelsbach", email=LONG)
    seen = _ESCAPE.sub("", all_of(shop.terminal("customer search bartholomew", columns=columns)))

    assert max(len(line) for line in seen.splitlines()) <= columns
    assert LONG not in seen
    assert LONG in shop("customer search bartholomew").out


@one_database
def test_show_pages_fit_40_columns(shop: Shop) -> None:
    customer = make_customer(shop, email=LONG)
    order = make_order(shop, customer)
    make_sale(shop, "1234567.89", order=order, settled=False)
    make_purchase(shop, order, interval="month", status="active", next_bill_on="2026-04-01")
    make_fulfillment(shop, order, status="shipped")
    lists = (
        "order list",
        "txn list",
        "purchase list",
        "fulfillment list",
        "sandbox ledger",
        "audit list",
        "queue list",
    )
    shows = (f"customer show {customer}", f"order show {order}", "txn show txn_1", "purchase show pur_1")

    for words in (*lists, *shows, "customer search jane", "config show", "blacklist check --email x@example.com"):
        seen = _ESCAPE.sub("", all_of(shop.terminal(words, columns=40)))
        assert max((len(line) for line in seen.splitlines()), default=0) <= 40, f"{words}: {seen}"


@one_database
def test_txn_list_shows_standing_and_time_uncut(shop: Shop) -> None:
    voided, refunded, part = (make_sale(shop, settled=settled) for settled in (False, True, True))
    shop(f"txn void {voided} --yes")
    shop(f"txn refund {refunded} --yes")
    shop(f"txn refund {part} --amount 1 --yes")
    seen = _ESCAPE.sub("", all_of(shop.terminal("txn list --kind sale", columns=80)))

    assert max(len(line) for line in seen.splitlines()) <= 80
    for sale, standing in ((voided, "voided"), (refunded, "refunded"), (part, "part refunded")):
        (line,) = [line for line in seen.splitlines() if f"{sale} " in line]
        assert standing in line
        assert line.rstrip().endswith("+00:00")
    assert shop(f"txn show {part} -o json").json["standing"] == "part refunded"


LONG = "bartholomew.maximilian.von.und.zu.hohenstein@a-very-long-name-of-a-company.example.com"


@one_database
def test_a_progress_bar_is_shown_for_long_work_on_a_terminal(shop: Shop) -> None:
    sales = make_sales(shop, 40)
    shop.adopt()
    slow = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?latency_ms=100"}
    words = "txn refund {} --amount 1 --yes"
    seen = all_of(shop.terminal(words.format(" ".join(sales)), env=slow))
    quiet = all_of(shop.terminal(words.format(" ".join(sales[:30])) + " --quiet", env=slow))

    assert re.search(r"\[#+ *\] \d+ of 40, 0:0\d remaining", seen)
    assert "left" not in quiet


@one_database
def test_quick_work_shows_no_progress_bar(shop: Shop) -> None:
    sales = make_sales(shop, 5)
    shop.adopt()

    assert "left" not in all_of(shop.terminal(f"txn refund {' '.join(sales)} --yes"))
