"""Bulk changes are runs: they are looked at, stopped, and gone on with."""

from __future__ import annotations

import json

import pytest

from tests.factories import make_fulfillment, make_sale
from tests.selection import one_database
from tests.shops import Shop


def sales(shop: Shop, number: int, token: str = "tok_ok") -> list[str]:
    made = [make_sale(shop, adopt=False, token=token) for _ in range(number)]
    shop.adopt()
    return made


def paid(shop: Shop) -> list[str]:
    """What the gateway returned, by sale."""
    return sorted(r["parent_ref"] for r in shop.ledger() if r["kind"] == "refund" and r["result"] == "approved")


def test_a_bulk_change_is_a_run_with_its_records(shop: Shop) -> None:
    some = sales(shop, 3)
    done = shop(f"txn refund {' '.join(some)} txn_999 --amount 5 --yes -o json")
    (run,) = shop("run list -o json").json
    shown = shop(f"run show {run['id']} -o json").json

    assert done.code == 3
    assert run == {**run, "command": "txn refund", "state": "complete", "total": 4, "done": 3, "failed": 1}
    assert run["started_at"] == "2026-03-02T09:00:00Z"
    assert [(r["id"], r["state"], r["outcome"]) for r in shown["records"]] == [
        *((sale, "done", "refunded") for sale in some),
        ("txn_999", "failed", "refused"),
    ]
    assert all(len(record["transactions"]) == 1 for record in shown["records"][:3])
    assert shown["arguments"] == ["-", "--amount=5"] or shown["arguments"] == ["--amount=5", "-"]
    assert f"{run['id']}: refunded 3 transactions, 15.00 USD; 1 refused" in done.err


def test_one_record_and_a_dry_run_are_no_run(shop: Shop) -> None:
    one, two = sales(shop, 2)

    assert shop(f"txn refund {one} {two} --dry-run").code == 0
    assert shop(f"txn refund {one} --yes").code == 0
    assert shop("run list -o json").json == []


def test_what_is_done_is_not_done_again(shop: Shop) -> None:
    some = sales(shop, 2)
    shop(f"txn refund {' '.join(some)} --yes")
    again = shop("run resume run_1 --retry-failed --yes -o json")

    assert (again.code, again.json) == (0, [])
    assert "run_1 is complete: no records remain" in again.err
    assert len(paid(shop)) == 2


def test_records_that_failed_are_done_again_if_asked_for(shop: Shop) -> None:
    one, two = make_sale(shop), make_sale(shop, disputed_at="2026-03-01T00:00:00Z")
    assert shop(f"txn refund {one} {two} --amount 5 --reason late --yes").code == 3
    shop.sql("UPDATE transactions SET disputed_at = NULL")
    left_alone = shop("run resume run_1 --yes -o json")
    again = shop("run resume run_1 --retry-failed --yes -o json")

    assert left_alone.json == []
    assert [(row["id"], row["outcome"], row["amount"]) for row in again.json] == [(two, "refunded", "5.00")]
    assert len(paid(shop)) == 2
    assert shop("run show run_1 -o json").json["failed"] == 0
    reasons = shop.sql("SELECT refund_reason FROM transactions WHERE kind = 'refund'")
    assert [row["refund_reason"] for row in reasons] == ["late", "late"]


def test_a_refund_in_the_queue_is_left_to_the_queue(shop: Shop) -> None:
    """To send it again would return a part twice: the queue brings the first one home."""
    some = sales(shop, 2, token="tok_refund_declined_1")
    assert shop(f"txn refund {' '.join(some)} --amount 5 --yes").code == 12
    again = shop("run resume run_1 --retry-failed --yes -o json")
    shop("queue retry", at="2026-03-03T09:00:00Z")

    assert [row["outcome"] for row in again.json] == ["queued", "queued"]
    assert len(paid(shop)) == 2


@pytest.mark.parametrize("token", ["tok_timeout_applied", "tok_timeout_lost"])
def test_an_unknown_outcome_is_asked_about_when_the_run_goes_on(shop: Shop, token: str) -> None:
    some = sales(shop, 2, token=token)
    first = shop(f"txn refund {' '.join(some)} --amount 5 --yes -o json")
    (run,) = shop("run list -o json").json
    again = shop("run resume run_1 --yes -o json")
    shop("queue retry", at="2026-03-03T09:00:00Z")

    assert first.code == 9
    assert run["state"] == "stopped"
    assert {row["outcome"] for row in again.json} == {"refunded" if token == "tok_timeout_applied" else "queued"}
    assert len(paid(shop)) == 2


def test_a_run_that_failed_fast_goes_on_where_it_stopped(shop: Shop) -> None:
    shipments = [make_fulfillment(shop, status=status) for status in ("pending", "shipped", "pending")]
    stopped = shop(f"fulfillment hold {' '.join(shipments)} --fail-fast --yes -o json")
    again = shop("run resume run_1 --yes -o json")

    assert stopped.code == 3
    assert "1 of 3 records remain: csctl run resume run_1" in stopped.err
    assert [(row["id"], row["outcome"]) for row in again.json] == [(shipments[2], "updated")]


def test_agents_see_and_resume_their_own_runs_alone(shop: Shop) -> None:
    mine, theirs = sales(shop, 2), sales(shop, 2)
    shop(f"txn refund {' '.join(mine)} --yes", as_="agent")
    shop(f"txn refund {' '.join(theirs)} --yes", as_="admin")

    assert [run["id"] for run in shop("run list -o json", as_="agent").json] == ["run_1"]
    assert [run["id"] for run in shop("run list -o json", as_="admin").json] == ["run_2", "run_1"]
    assert shop("run show run_2", as_="agent").code == 6
    assert shop("run resume run_2 --yes", as_="agent").code == 6
    assert shop("run show run_1", as_="admin").code == 0
    assert shop("run list", as_="service").code == 6


def stopped_run(shop: Shop) -> list[str]:
    shipments = [make_fulfillment(shop, status=status) for status in ("pending", "shipped", "pending")]
    assert shop(f"fulfillment hold {' '.join(shipments)} --fail-fast --yes").code == 3
    return shipments


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("setting set", '["agent-refund-limit", "100000 USD"]'),
        ("operator create", '["evil", "--role=admin"]'),
        ("no such", "[]"),
        ("run resume", '["run_1"]'),
        ("fulfillment hold", '["-", "--yes"]'),
        ("fulfillment hold", '["-", "-y"]'),
        ("fulfillment list", "[]"),
    ],
)
def test_a_run_that_another_program_wrote_is_not_resumed(shop: Shop, command: str, arguments: str) -> None:
    stopped_run(shop)
    shop.sql(f"UPDATE runs SET command = '{command}', arguments = '{arguments}'")  # noqa: S608 - the lines above
    before = shop.sql("SELECT count(*) AS n FROM operators"), shop.sql("SELECT * FROM settings")

    done = shop("run resume run_1 --yes")

    assert done.code == 5, done.err
    assert "cannot be resumed" in done.err
    assert (shop.sql("SELECT count(*) AS n FROM operators"), shop.sql("SELECT * FROM settings")) == before


def test_a_resumed_run_shows_its_command_line_and_asks(shop: Shop) -> None:
    stopped_run(shop)

    asked = shop("run resume run_1")
    done = shop("run resume run_1 --yes")

    assert asked.code == 2, "there is no terminal to ask on"
    assert "Resuming: csctl fulfillment hold -" in asked.err
    assert "Resuming: csctl fulfillment hold -" in done.err
    assert done.code == 0


def test_a_run_is_resumed_under_the_rights_of_the_one_who_resumes_it(shop: Shop) -> None:
    stopped_run(shop)
    shop.sql("UPDATE runs SET command = 'blacklist remove', arguments = '[\"-\"]', operator_id = 2")
    shop.sql("UPDATE run_records SET given = 'bli_' || place")

    assert shop("run resume run_1 --yes", as_="agent").code == 6


def test_a_run_that_is_refused_as_a_whole_was_none(shop: Shop) -> None:
    dollars, yen = make_sale(shop), make_sale(shop, amount="500", currency="JPY")

    assert shop(f"txn refund {dollars} {yen} --amount 5 --yes").code == 2
    assert shop("run list -o json").json == []


@one_database
def test_the_journal_keeps_no_token_and_no_password(shop: Shop) -> None:
    some = sales(shop, 2)
    shop(f"--database {shop.database_url} txn refund {' '.join(some)} --yes --debug -o json --fields id")
    (run,) = shop.sql("SELECT arguments FROM runs")

    assert json.loads(run["arguments"]) == ["-"]


@one_database
def test_ids_from_a_pipe_are_kept_with_the_run(shop: Shop) -> None:
    some = sales(shop, 3)
    shop("txn refund - --amount 5 --yes --fail-fast", input="\n".join(["txn_999", *some]))
    again = shop("run resume run_1 --yes -o json")

    assert [row["id"] for row in again.json] == some
    assert shop("run show run_1 -o json").json["state"] == "complete"


@one_database
def test_a_file_names_its_records_again(shop: Shop) -> None:
    good, bad, last = make_fulfillment(shop), make_fulfillment(shop, status="cancelled"), make_fulfillment(shop)
    file = shop.folder / "tracking.csv"
    file.write_text(f"id,carrier,tracking\n{good},UPS,1\n{bad},UPS,2\n{last},UPS,3\n")
    stopped = shop(f"fulfillment ship --from {file} --yes --fail-fast")
    again = shop("run resume run_1 --yes -o json")

    assert stopped.code == 3
    assert [row["id"] for row in again.json] == [last]


@one_database
def test_a_run_in_progress_is_not_resumed(shop: Shop) -> None:
    slow = {"CSCTL_GATEWAY_MAIN": f"{shop.env['CSCTL_GATEWAY_MAIN']}?latency_ms=300"}
    some = sales(shop, 20)
    process = shop.start(f"txn refund {' '.join(some)} --yes -o jsonl", env=slow)
    assert process.stdout
    process.stdout.readline()
    refused = shop("run resume run_1 --yes -o json")
    process.kill()
    process.wait()
    again = shop("run resume run_1 --yes -o json")

    assert (refused.code, refused.error["code"]) == (5, "conflict")
    assert again.code == 0
    assert len(paid(shop)) == len(set(paid(shop))) == 20


@one_database
def test_a_run_whose_process_died_is_stopped(shop: Shop) -> None:
    some = sales(shop, 10)
    process = shop.start(
        f"txn refund {' '.join(some)} --yes -o jsonl",
        env={"CSCTL_GATEWAY_MAIN": f"{shop.env['CSCTL_GATEWAY_MAIN']}?latency_ms=200"},
    )
    shop.wait_for("SELECT 1 FROM runs WHERE done > 0")
    process.kill()
    process.wait()

    assert shop("run list -o json").json[0]["state"] == "stopped"


@one_database
def test_a_list_of_runs_in_a_state_is_as_long_as_its_limit(shop: Shop) -> None:
    (sale,) = sales(shop, 1)
    for _ in range(4):
        shop(f"txn refund {sale} txn_999 --amount 0.01 --yes")
    shop.sql("UPDATE runs SET state = 'stopped' WHERE id IN (2, 4)")
    shop.sql("UPDATE runs SET state = 'running', worker = NULL WHERE id = 1")  # its process died

    def listed(words: str) -> list[str]:
        return [row["id"] for row in shop(f"run list {words} -o json").json]

    assert listed("--state complete --limit 1") == ["run_3"]
    assert listed("--state stopped --limit 2") == ["run_4", "run_2"]
    assert listed("--state stopped") == ["run_4", "run_2", "run_1"]
    assert listed("--state running") == []
    assert "There are more than 2" in shop("run list --state stopped --limit 2").err
    assert shop("run list --state stopped --limit 3").err == ""


@one_database
def test_the_rest_of_a_run_may_stop_at_the_first_that_fails(shop: Shop) -> None:
    (sale,) = sales(shop, 1)
    shop(f"txn refund txn_998 {sale} txn_999 --fail-fast --yes")
    shop.sql("UPDATE transactions SET disputed_at = created_at")
    done = shop("run resume run_1 --fail-fast --yes -o json")

    assert [row["id"] for row in done.json] == [sale]
    assert "1 of 3 records remain" in done.err
