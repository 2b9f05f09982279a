"""Rules for every command, checked for each command in click's tree."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

from csctl.domain.ids import PREFIXES
from csctl.domain.permissions import OPEN_TO_ALL
from tests.administration.command_tree import Leaf, leaves
from tests.commands.many import make_sales
from tests.factories import make_fulfillment, make_notify_email, make_order, make_purchase
from tests.running import Done
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite

LEAVES = {leaf.path: leaf for leaf in leaves()}
_ELSEWHERE = ("demo", "login", "db init")  # make a place of their own
_MORE = {  # what some commands need besides a record
    "customer note": {"text": "a note"},
    "customer edit-note": {"text": "a note"},
    "order edit": {"shipping_city": "Dover"},
}
_HOUSE = {0, 3, 4, 5, 6, 7, 9, 12}  # exit codes that a valid command line may have


def records(leaf: Leaf) -> bool:
    return bool(getattr(leaf.command, "fields", ()))


def changes(leaf: Leaf) -> bool:
    return bool(getattr(leaf.command, "changes", False))


def prefix_of(param: click.Parameter) -> str | None:
    """The kind of record that an argument or option names, or None."""
    word = (param.metavar or "").strip("[]…").lower()
    return word if word in PREFIXES else None


def walk(problems: Callable[[Leaf], Iterator[str]], wanted: Callable[[Leaf], bool]) -> dict[str, list[str]]:
    """The violations, by command."""
    chosen = [leaf for path, leaf in LEAVES.items() if path not in _ELSEWHERE and wanted(leaf)]
    assert len(chosen) > 5
    found = {leaf.path: list(problems(leaf)) for leaf in chosen}
    return {path: wrong for path, wrong in found.items() if wrong}


def is_error(done: Done, code: str, exit: int) -> bool:
    """Refused before any record was touched: nothing on stdout, one error as JSON on stderr."""
    if done.code != exit or done.out:
        return False
    error = done.error
    return error["code"] == code and error["exit"] == exit and set(error) == {"code", "exit", "message", "cause", "fix"}


def test_no_command_runs_without_a_token(shop: Shop) -> None:
    def problems(leaf: Leaf) -> Iterator[str]:
        words = with_output(leaf, leaf.words(), "json") if records(leaf) else leaf.words()
        done = shop(*words, as_=None)
        if done.code != 6 or done.out:
            yield f"{done.code}: {done.out[:80]} {done.err[:80]}"
        elif records(leaf) and not is_error(done, "not_permitted", 6):
            yield done.err

    assert walk(problems, lambda leaf: leaf.path not in OPEN_TO_ALL) == {}


def test_an_id_of_another_kind_is_a_usage_error_with_the_right_command(shop: Shop) -> None:
    def problems(leaf: Leaf) -> Iterator[str]:
        for param in leaf.params:
            if prefix := prefix_of(param):
                other = "eml" if prefix != "eml" else "txn"
                given = {str(param.name): f"{other}_1"}
                done = shop(*with_output(leaf, leaf.words(given), "json"))
                if not is_error(done, "usage", 2) or "csctl" not in str(done.error["fix"]):
                    yield f"{param.name}: {done.code} {done.out[:80]} {done.err[:200]}"

    def names_records(leaf: Leaf) -> bool:
        # What is blacklisted is of many kinds, and each of several has a row of its own.
        return records(leaf) and leaf.path != "blacklist add" and any(prefix_of(p) for p in leaf.params)

    assert walk(problems, names_records) == {}


def with_output(leaf: Leaf, words: list[str], format_: str) -> list[str]:
    """Options go before `--`."""
    place = len(leaf.path.split())
    return [*words[:place], "-o", format_, *words[place:]]


def test_an_unknown_record_is_exit_4(shop: Shop) -> None:
    def problems(leaf: Leaf) -> Iterator[str]:
        done = shop(*with_output(leaf, leaf.words(_MORE.get(leaf.path)), "json"))
        if done.code != 4:
            yield f"{done.code}: {done.out[:100]} {done.err[:200]}"
        elif changes(leaf) and done.out:
            (row,) = done.json
            if row["ok"] or row["error"]["code"] != "not_found" or "Traceback" in done.err:
                yield done.out
        elif not is_error(done, "not_found", 4):
            yield f"{done.out[:100]} {done.err[:100]}"

    def names_one_record(leaf: Leaf) -> bool:
        required = [param for param in leaf.params if param.required]
        return records(leaf) and len(required) == 1 and prefix_of(required[0]) is not None

    assert walk(problems, names_one_record) == {}


@pytest.mark.parametrize("stocked", [False, True])
def test_lists_print_only_their_records_in_every_format(shop: Shop, stocked: bool) -> None:
    if stocked:
        make_sales(shop, 3)
        make_fulfillment(shop)
        make_notify_email(shop)

    def problems(leaf: Leaf) -> Iterator[str]:
        asked = {format_: shop(*with_output(leaf, leaf.words(), format_)) for format_ in FORMATS}
        if codes := {done.code for done in asked.values()} - {0}:
            yield f"{codes}: {asked['json'].err[:200]}"
            return
        rows = asked["json"].json
        if not isinstance(rows, list) or [row["id"] for row in asked["jsonl"].rows] != [row["id"] for row in rows]:
            yield "json and jsonl differ"
        if len(asked["csv"].out.splitlines()) < len(rows) + 1 or asked["name"].out.split() != [r["id"] for r in rows]:
            yield "csv or name differ"
        fields = set(getattr(leaf.command, "fields", ()))
        if rows and not set(rows[0]) <= fields | {"history"}:
            yield f"keys that are not declared: {set(rows[0]) - fields}"
        if not rows and asked["table"].out:
            yield "an empty table"

    def is_list(leaf: Leaf) -> bool:
        return leaf.path.split()[-1] == "list" and records(leaf) and "id" in getattr(leaf.command, "fields", ())

    assert walk(problems, is_list) == {}


FORMATS = ("table", "json", "jsonl", "csv", "name")


def test_stdout_is_only_json_with_output_json(shop: Shop) -> None:
    """With existing records, so that most commands have work to do."""
    order = make_order(shop)
    make_purchase(shop, order)
    make_sales(shop, 2)
    shop.adopt()
    ids = {prefix: f"{prefix}_1" for prefix in PREFIXES}

    def problems(leaf: Leaf) -> Iterator[str]:
        for rehearsed in [True, False] if changes(leaf) else [False]:
            words = with_output(leaf, leaf.words(ids=ids), "json")
            done = shop(*(dry(leaf, words) if rehearsed else words))
            if done.code not in _HOUSE | {2, 8, 11}:
                yield f"exit code {done.code}: {done.err[:300]}"
            if done.out and (wrong := not_json(done.out)):
                yield wrong
            if done.code in (2, 6, 8, 11) and not changes(leaf) and done.out and leaf.path != "doctor":
                yield f"refused, and yet on stdout: {done.out[:80]}"
            if "Traceback" in done.err:
                yield done.err

    assert walk(problems, records) == {}


def dry(leaf: Leaf, words: list[str]) -> list[str]:
    place = len(leaf.path.split())
    return [*words[:place], "--dry-run", *words[place:]]


def not_json(text: str) -> str | None:
    try:
        json.loads(text)
    except ValueError as error:
        return f"{error}: {text[:100]}"
    return None


def test_an_unknown_field_suggests_a_similar_one(shop: Shop) -> None:
    def problems(leaf: Leaf) -> Iterator[str]:
        first = next(iter(leaf.command.fields))  # type: ignore[attr-defined]
        words = leaf.words()
        place = len(leaf.path.split())
        done = shop(*words[:place], "--fields", f"{first}x", *words[place:])
        if done.code != 2 or done.out or f"Did you mean {first}" not in done.err:
            yield f"{done.code} {done.err[:200]}"

    assert walk(problems, records) == {}


# -- the examples of the help


def pieces(example: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The commands of a pipeline, each with its variables."""
    for piece in example.split("|"):
        words = shlex.split(re.split(r"[<>]", re.sub(r"\$\(.*?\)", "0" * 64, piece))[0])
        env = {}
        while words and re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        yield env, words


def run_example(shop: Shop, example: str) -> Done:
    """Run an example in this shop; other programs in it pass their input on."""
    text = "1\n" if "<" in example else ""
    done = Done(0, "", "")
    for env, words in pieces(example):
        if words[0] == "csctl" and words[1] != "--database":  # another one than this shop's
            leaf = max(
                (leaf for path, leaf in LEAVES.items() if starts(words[1:], path)), key=lambda one: len(one.path)
            )
            ask = ["--yes"] if changes(leaf) and not {"--yes", "-y", "--dry-run"} & set(words) else []
            place = 1 + len(leaf.path.split())
            done = shop(*words[1:place], *ask, *words[place:], env=env, input=text)
            text = done.out
    return done


def starts(words: list[str], path: str) -> bool:
    return words[: len(path.split())] == path.split()


def test_the_examples_in_the_help_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """On existing and missing records; none is a usage error or a bug."""
    make_sales(shop, 12)
    shop.adopt()
    shop.sql("UPDATE customers SET external_id = 'C1' WHERE id = 1")
    write_files(shop)
    monkeypatch.chdir(shop.folder)

    def problems(leaf: Leaf) -> Iterator[str]:
        for example in getattr(leaf.command, "examples", ()):
            done = run_example(shop, example)
            if done.code not in _HOUSE | ({11} if leaf.path == "doctor" else set()):
                yield f"{example}: {done.code} {done.err[:300]}"

    assert walk(problems, lambda leaf: leaf.path not in _UNSUITED) == {}


_UNSUITED = (
    "profile add",  # names a file of another shop
    "help",  # examples are run by the tests of help
    "completion",
    "db grants",  # of PostgreSQL
    "config show",
    "data import",  # of files whose columns are the user's
)


# An export of Stripe with one payment.
_PAYMENTS = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,PaymentIntent ID,Customer ID,Customer Email,"
    "Customer Phone,Card Name,Dispute Status,Disputed Amount,Dispute Date (UTC),Refunded date (UTC)\n"
    "ch_1,2026-03-01 10:00:00,19.99,0.00,usd,Paid,pi_1,,jane@example.com,,Jane Doe,,,,\n"
)


def write_files(shop: Shop) -> None:
    """The records that examples name."""
    files: dict[str, Any] = {
        "changes.csv": "id,first_name\n1,Joan\n",
        "tracking.csv": "id,carrier,tracking\n1,UPS,1Z1\n",
        "tokens.csv": "id,token\n1,tok_new\n",
        "payments.csv": _PAYMENTS,
        "roots.txt": "0" * 64 + "\n",
        "blacklist.csv": "kind,value,reason\nemail,x@example.com,fraud\n",
    }
    for name, text in files.items():
        (shop.folder / name).write_text(text)
