"""Which account answers is known before anything is asked of it (domain rules, section 3)."""

from __future__ import annotations

import os

from csctl.bootstrap import start
from csctl.errors import Misconfigured
from csctl.services.payments import accounts
from csctl.settings import load
from tests.factories import make_sale
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"


def refunds_paid(shop: Shop, ledger: str | None = None) -> list[str]:
    """The refunds that a ledger has carried out."""
    env = {"CSCTL_GATEWAY_MAIN": f"sandbox:{ledger}"} if ledger else {}
    rows = shop("sandbox ledger --all -o json", env=env).json
    return [row["amount"] for row in rows if (row["kind"], row["result"]) == ("refund", "approved")]


def test_another_ledger_under_the_same_name_is_refused_and_nothing_changes(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    assert shop(f"txn refund {sale} --amount 8.00 --yes").code == 9
    other = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.folder / 'other.db'}"}
    before = shop.sql("SELECT state, reason, claim FROM transactions ORDER BY id")

    done = shop("txn reconcile", env=other)

    assert done.code == 11
    assert "gateway accept" in done.err or "gateway account main is" in done.err
    assert shop.sql("SELECT state, reason, claim FROM transactions ORDER BY id") == before
    assert shop("txn reconcile").code == 0
    shop("queue retry", at=TUESDAY)
    assert refunds_paid(shop) == ["8.00"]


def test_money_is_not_sent_to_another_account(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 1.00 --yes")

    another = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?account=b"}
    tried = shop(f"txn refund {sale} --dry-run", env=another)
    done = shop(f"txn refund {sale} --yes -o json", env=another)

    assert (tried.code, done.code) == (11, 11)
    assert shop("queue list --state any -o json").json == []
    assert refunds_paid(shop) == ["1.00"]


def test_an_account_that_does_not_know_the_newest_sale_is_not_remembered(shop: Shop) -> None:
    sale = make_sale(shop)
    other = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.folder / 'other.db'}"}

    tried, done = shop(f"txn refund {sale} --dry-run", env=other), shop(f"txn refund {sale} --yes", env=other)

    assert (tried.code, done.code) == (11, 11)
    assert "does not know the newest sale" in done.err
    assert shop(f"txn refund {sale} --yes").code == 0


def test_one_account_has_one_name(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 1.00 --yes")

    twice = {"CSCTL_GATEWAY_EU": shop.env["CSCTL_GATEWAY_MAIN"]}
    done = [shop(words, env=twice) for words in (f"txn refund {sale} --yes", f"txn refund {sale} --dry-run")]
    checked = shop("gateway check eu -o json", env=twice)

    assert [one.code for one in (*done, checked)] == [11, 11, 11]
    assert "knows as main" in done[0].err
    assert "knows as main" in checked.json[0]["problem"]


def test_an_answer_about_another_amount_is_unknown_and_stays_so(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_amount_mismatch")

    done = shop(f"txn refund {sale} --amount 8.00 --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (9, "unknown")
    (row,) = shop.sql("SELECT reason, message FROM transactions WHERE kind = 'refund'")
    assert row == {"reason": "mismatch", "message": "the gateway says 4.00 USD, and 8.00 USD was asked for"}
    assert shop("txn reconcile").code == 9
    assert shop(f"txn show {sale} -o json").json["refunded"] == "0.00"
    (refund,) = (row["transaction_id"] for row in done.json)
    assert shop(f"txn reconcile {refund} --as approved").code == 5
    assert shop(f"txn reconcile {refund} --as approved --amount 4.00").code == 0
    assert shop(f"txn show {sale} -o json").json["refunded"] == "4.00"
    assert shop(f"txn reconcile {refund} --as failed").code == 5


def test_an_administrator_accepts_another_account_after_a_migration(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 1.00 --yes")
    moved = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?account=acct_2"}

    wrong = shop("gateway accept main --account acct_3 --yes", env=moved)
    agent = shop("gateway accept main --account acct_2 --yes", env=moved, as_="agent")
    done = shop("gateway accept main --account acct_2 --yes -o json", env=moved)

    assert (wrong.code, agent.code, done.code) == (5, 6, 0)
    assert done.json[0]["outcome"] == "updated"
    assert shop(f"txn refund {sale} --yes", env=moved).code == 0
    assert shop(f"txn sync {sale}").code == 11
    assert "gateway accept" in [row["command"] for row in shop("audit list -o json").json]


def test_an_account_that_a_run_has_stopped_using_is_not_compared_and_the_others_are(shop: Shop) -> None:
    shop.env["CSCTL_GATEWAY_EU"] = f"sandbox:{shop.sandbox}-eu?account=eu"
    app = start(load({**os.environ, **shop.environment()}), "txn refund")
    accounts.remember(app)
    app.gateways.refuse("main", Misconfigured("the gateway refuses these credentials"))

    accounts.compare(app)

    app.close()
    compared = shop.sql("SELECT name FROM gateway_accounts WHERE accepted_at IS NOT NULL")
    assert compared == [{"name": "eu"}]


def test_an_account_that_refuses_its_key_at_its_first_use_stops_no_other(shop: Shop) -> None:
    shop.env["CSCTL_GATEWAY_EU"] = f"sandbox:{shop.folder / 'eu.db'}?credentials=wrong"
    sale = make_sale(shop, settled=False)

    synced = shop("txn sync -o json", as_="service", at=TUESDAY)
    billed = shop("billing run", as_="service", at=TUESDAY)

    assert [(row["id"], row["outcome"]) for row in synced.json] == [(sale, "updated"), ("eu", "refused")]
    assert (synced.code, billed.code) == (11, 0), billed.err
    assert "the gateway refuses these credentials (eu)" in synced.err
