"""Two pairs of eyes: refunds above an agent's limit (domain rules, section 7)."""

from __future__ import annotations

import pytest

from tests.factories import make_sale, make_transaction
from tests.shops import Shop


@pytest.fixture
def limited(shop: Shop) -> Shop:
    """A shop whose agents may refund 50 USD of a sale, and a second administrator."""
    assert shop("setting set agent-refund-limit '50 USD'").code == 0
    return shop


def requested(shop: Shop, amount: str = "80.00", **given: object) -> str:
    """A sale for which the agent has asked for approval of all of it; its id."""
    sale = make_sale(shop, amount=amount, **given)  # type: ignore[arg-type]
    done = shop(f"txn refund {sale} --request-approval --reason damaged --yes -o json", as_="agent")
    assert done.code == 0, done.err
    return sale


def refunds(shop: Shop) -> list[str]:
    return [row["amount"] for row in shop.ledger() if row["kind"] == "refund" and row["result"] == "approved"]


@pytest.mark.both_databases
def test_a_refund_above_the_limit_is_kept_as_a_request_and_sends_nothing(limited: Shop) -> None:
    sale = make_sale(limited, amount="80.00")

    order = limited(f"txn show {sale} -o json").json["order_id"]
    options = "--amount 60 --reason 'wrong size' --cancel"
    refused = [
        limited(f"{words} --yes -o json", as_="agent")
        for words in (
            f"txn refund {sale} {options}",
            f"order refund {order} {options}",
            f"txn refund {sale} --outside c",
        )
    ]
    asked = limited(f"txn refund {sale} --request-approval --reason damaged --yes -o json", as_="agent")

    assert [done.code for done in refused] == [6, 6, 6]
    assert [done.json[0]["error"]["fix"] for done in refused] == [
        f"csctl txn refund {sale} {options} --request-approval, or ask an administrator",
        f"csctl order refund {order} {options} --request-approval, or ask an administrator",
        "ask an administrator",  # what was returned already is not returned again
    ]
    assert (asked.code, asked.json[0]["outcome"], asked.json[0]["approval_id"]) == (0, "pending", "apr_1")
    assert refunds(limited) == []
    assert limited(f"txn show {sale} -o json").json["refundable"] == "80.00"
    [row] = limited("approval list -o json").json
    assert row["id"] == "apr_1"
    assert (row["transaction_id"], row["amount"], row["reason"], row["requested_by"], row["state"]) == (
        sale,
        "80.00",
        "damaged",
        "agent",
        "open",
    )


def test_within_the_limit_nothing_is_asked_for(limited: Shop) -> None:
    sale = make_sale(limited, amount="80.00")

    done = limited(f"txn refund {sale} --amount 20 --request-approval --yes -o json", as_="agent")

    assert (done.code, done.json[0]["outcome"]) == (0, "refunded")
    assert limited("approval list -o json").json == []


@pytest.mark.both_databases
def test_a_grant_refunds_as_the_agent_who_asked(limited: Shop) -> None:
    sale = requested(limited)

    done = limited("approval grant apr_1 --yes -o json")

    assert (done.code, done.json[0]["outcome"], done.json[0]["amount"]) == (0, "refunded", "80.00")
    assert refunds(limited) == ["80.00"]
    child = limited(f"txn show {sale} -o json").json["children"][0]
    assert child["created_by"] == "agent"
    shown = limited("approval show apr_1 -o json", as_="agent").json
    assert (shown["state"], shown["decided_by"], shown["refund_id"]) == ("granted", "admin", child["id"])
    assert len(limited.mails()) == 1


def test_a_request_is_granted_once(limited: Shop) -> None:
    requested(limited)
    limited("approval grant apr_1 --yes")

    again = limited("approval grant apr_1 --yes -o json")

    assert (again.code, again.json[0]["error"]["message"]) == (5, "apr_1 is granted")
    assert refunds(limited) == ["80.00"]


def test_a_dry_run_of_a_grant_decides_nothing(limited: Shop) -> None:
    requested(limited)

    done = limited("approval grant apr_1 --dry-run -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "refunded")
    assert limited("approval show apr_1 -o json").json["state"] == "open"


def test_an_operator_cannot_grant_or_deny_a_request_of_their_own(limited: Shop) -> None:
    requested(limited)
    limited.sql("UPDATE operators SET role = 'admin' WHERE name = 'agent'")

    granted = limited("approval grant apr_1 --yes -o json", as_="agent")
    denied = limited("approval deny apr_1 --reason x -o json", as_="agent")

    assert (granted.code, denied.code) == (6, 6)
    assert limited("approval show apr_1 -o json").json["state"] == "open"
    assert refunds(limited) == []


def test_a_sale_has_one_open_request(limited: Shop) -> None:
    sale = requested(limited)

    second = limited(f"txn refund {sale} --amount 60 --request-approval --yes -o json", as_="agent")
    limited("approval withdraw apr_1", as_="agent")
    third = limited(f"txn refund {sale} --amount 60 --request-approval --yes -o json", as_="agent")

    assert second.code == 5
    assert "apr_1" in second.json[0]["error"]["cause"]
    assert third.json[0]["approval_id"] == "apr_2"


def test_the_same_request_id_gets_the_same_request(limited: Shop) -> None:
    sale = make_sale(limited, amount="80.00")
    words = f"txn refund {sale} --request-approval --request-id K1 --yes -o json"

    first, second = limited(words, as_="agent"), limited(words, as_="agent")

    assert first.json[0]["approval_id"] == second.json[0]["approval_id"] == "apr_1"


def test_a_denied_request_ends_with_its_reason(limited: Shop) -> None:
    requested(limited)

    without_reason = limited("approval deny apr_1 --reason '' -o json")
    done = limited("approval deny apr_1 --reason 'too late' -o json")

    assert without_reason.code == 2
    assert (done.code, done.json[0]["outcome"]) == (0, "updated")
    shown = limited("approval show apr_1 -o json", as_="agent").json
    assert (shown["state"], shown["decision_reason"]) == ("denied", "too late")
    assert limited("approval grant apr_1 --yes").code == 5


def test_only_the_requester_withdraws(limited: Shop) -> None:
    requested(limited)

    assert limited("approval withdraw apr_1 -o json").code == 6
    assert limited("approval withdraw apr_1 -o json", as_="agent").code == 0
    assert limited("approval list --state withdrawn -o name").out == "apr_1\n"


@pytest.mark.both_databases
def test_agents_see_their_own_requests_only(limited: Shop) -> None:
    requested(limited)
    limited("operator create bob --role agent")
    limited.sql("UPDATE approvals SET requested_by = (SELECT id FROM operators WHERE name = 'bob')")

    assert limited("approval list -o json", as_="agent").json == []
    assert limited("approval show apr_1", as_="agent").code == 6
    assert len(limited("approval list -o json").json) == 1


@pytest.mark.both_databases
def test_a_request_expires(limited: Shop) -> None:
    requested(limited)
    later = "2026-03-16T09:00:00Z"

    assert limited("approval list -o json", at="2026-03-16T08:59:00Z").json
    assert limited("approval list -o json", at=later).json == []
    assert limited("approval list --state expired -o name", at=later).out == "apr_1\n"
    assert limited("approval grant apr_1 --yes", at=later).code == 5
    limited("setting set approval-days 30")
    assert limited("approval grant apr_1 --yes", at=later).code == 0


@pytest.mark.both_databases
def test_the_request_of_a_disabled_operator_is_denied(limited: Shop) -> None:
    requested(limited)
    limited("operator disable agent --yes")
    assert limited("approval show apr_1 -o json").json["state"] == "denied"

    done = limited("approval grant apr_1 --yes -o json")

    assert done.code == 5
    assert "disabled" in done.json[0]["error"]["cause"]
    limited("operator enable agent")
    assert limited("approval show apr_1 -o json").json["state"] == "denied"
    assert refunds(limited) == []


def test_money_returned_since_the_request_needs_a_second_yes(limited: Shop) -> None:
    sale = requested(limited, amount="100.00")
    limited("approval withdraw apr_1", as_="agent")
    limited(f"txn refund {sale} --amount 60 --request-approval --yes", as_="agent")
    limited(f"txn refund {sale} --amount 30 --yes")

    once = limited("approval grant apr_2 --yes -o json")
    twice = limited("approval grant apr_2 --yes --again -o json")

    assert once.code == 5
    assert "30.00 USD" in once.json[0]["error"]["message"]
    assert twice.code == 0
    assert refunds(limited) == ["30.00", "60.00"]


def test_on_a_terminal_money_returned_since_is_asked_about_first(limited: Shop) -> None:
    sale = requested(limited, amount="100.00")
    limited("approval withdraw apr_1", as_="agent")
    limited(f"txn refund {sale} --amount 60 --request-approval --yes", as_="agent")
    limited(f"txn refund {sale} --amount 30 --yes")

    terminal = limited.terminal("approval grant apr_2")
    terminal.expect("30.00 USD of its sale was returned")
    terminal.sendline("n")
    terminal.expect("nothing was done")

    assert refunds(limited) == ["30.00"]


def test_a_grant_never_returns_more_than_remains(limited: Shop) -> None:
    sale = requested(limited)
    limited(f"txn refund {sale} --amount 30 --yes")

    done = limited("approval grant apr_1 --yes --again -o json")

    assert done.code == 5
    rest = f"csctl txn refund {sale} --amount 50.00"
    assert done.json[0]["error"]["fix"] == f"csctl approval deny apr_1 --reason TEXT; then {rest}"
    assert refunds(limited) == ["30.00"]
    assert limited("approval show apr_1 -o json").json["state"] == "open"


def test_an_order_above_the_limit_waits_as_a_whole(limited: Shop) -> None:
    order = limited(f"txn show {requested(limited)} -o json").json["order_id"]
    limited("approval withdraw apr_1", as_="agent")
    make_sale(limited, amount="10.00", order=order)

    done = limited(f"order refund {order} --all-cycles --request-approval --yes -o json", as_="agent")

    assert {row["outcome"] for row in done.json} == {"pending"}
    assert len(done.json) == 2
    assert refunds(limited) == []
    granted = limited("approval grant apr_2 apr_3 --yes -o json")
    assert granted.code == 0
    assert sorted(refunds(limited)) == ["10.00", "80.00"]


def test_an_unsettled_sale_is_voided_by_the_grant(limited: Shop) -> None:
    sale = requested(limited)
    limited.sql("UPDATE transactions SET settlement = 'unsettled', settled_at = NULL")

    done = limited("approval grant apr_1 --yes -o json")

    assert done.code == 0, done.err
    assert limited(f"txn show {sale} -o json").json["refundable"] == "0.00"


def test_asking_and_deciding_are_in_the_audit_log(limited: Shop) -> None:
    requested(limited)
    limited("approval grant apr_1 --yes")

    rows = limited("audit list --target apr_1 -o json").json

    assert [(row["operator"], row["outcome"]) for row in rows] == [("admin", "updated"), ("agent", "created")]
    assert rows[0]["changes"]["requested_by"].startswith("opr_")


@pytest.mark.both_databases
def test_an_agent_has_a_limit_per_business_day(shop: Shop) -> None:
    shop("setting set agent-daily-limit '50 USD'")
    first, second = make_sale(shop, amount="30.00"), make_sale(shop, amount="30.00")

    done = shop(f"txn refund {first} {second} --yes -o json", as_="agent")
    same_day = shop(f"txn refund {second} --yes -o json", as_="agent", at="2026-03-02T20:00:00Z")
    next_day = shop(f"txn refund {second} --yes -o json", as_="agent", at="2026-03-03T09:00:00Z")

    assert (done.code, same_day.code) == (3, 6)
    assert [row["outcome"] for row in done.json] == ["refunded", "refused"]
    assert done.json[1]["error"]["exit"] == 6
    assert "30.00 USD of it is used" in done.json[1]["error"]["cause"]
    assert next_day.code == 0


def test_a_granted_refund_does_not_count_for_the_day(shop: Shop) -> None:
    shop("setting set agent-daily-limit '50 USD'")
    requested(shop)
    shop("approval grant apr_1 --yes")
    other = make_sale(shop, amount="50.00")

    assert shop(f"txn refund {other} --yes", as_="agent").code == 0


def test_refunds_of_others_do_not_count_for_the_day(shop: Shop) -> None:
    shop("setting set agent-daily-limit '50 USD'")
    sale, other = make_sale(shop, amount="50.00"), make_sale(shop, amount="50.00")
    make_transaction(shop, "refund", "declined", amount="50.00", parent=other, created_by=shop_operator(shop, "agent"))
    shop(f"txn refund {sale} --yes")

    assert shop(f"txn refund {other} --yes", as_="agent").code == 0


def shop_operator(shop: Shop, name: str) -> int:
    return int(shop.sql("SELECT id FROM operators WHERE name = :name", name=name)[0]["id"])
