"""Hostile input in every argument: no traceback, no effect beyond the data, no raw control characters."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from tests.administration.command_tree import Leaf, leaves
from tests.factories import make_customer, make_fulfillment, make_order, make_price, make_purchase, make_sale
from tests.running import Done
from tests.selection import on_sqlite
from tests.shops import Shop

HOSTILE = {
    "escape": "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "bidi": "\u202egnp.exe\u2066\u200b\U000e0001\uffff\ufeff",
    "newlines": "one\r\nBcc: all@example.com\n\nbody",
    "languages": "=HYPERLINK(\"http://x\")'; DROP TABLE customers; --%_\\{{ 7*7 }}{% raw %}${7*7}%s%n%(x)s{0}{x!r}",
    "path": "../../../../etc/passwd",
    "option": "--yes",
    "nul": "a\0b",
    "surrogate": "a\udcffb",
    "long": "x" * 1_000_000,
    "long_enough": "%" * 9_999,
    "digits": "9" * 400,
    "other_digits": "\u0661\u0662\u00b2",
    "float": "1e999",
    "negative": "-1",
    "empty": "",
    "far": "9999-12-31T23:59:59-23:59",
    "early": "0001-01-01T00:00:00+23:59",
    "big_id": "9223372036854775807",
}  # fmt: skip
# What a terminal would act on: controls but newline, C1, bidi marks, zero width.
_RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")
_IDS = {"cus": "cus_1", "ord": "ord_1", "txn": "txn_1", "pur": "pur_1", "ful": "ful_1"}
_REACHES_THE_DATABASE = {"languages", "long_enough", "far", "big_id"}
_NOT_SWEPT = {"demo"}  # makes a shop of its own, which takes seconds


def furnished(shop: Shop) -> Shop:
    """A shop with one record of each kind."""
    customer = make_customer(shop)
    order = make_order(shop, customer)
    make_purchase(shop, order, interval="month", status="active", next_bill_on="2026-04-01")
    make_sale(shop, order=order, adopt=False)
    make_fulfillment(shop, order, status="pending")
    make_price(shop, "price-1")
    return shop


def holds(done: Done) -> str | None:
    """The problem with how a command handled a text, or None."""
    if done.code not in (0, 2, 3, 4, 5, 6, 8, 11, 12):
        return f"exit {done.code}: {done.err[-300:]}"
    if "Traceback" in done.err or "has a bug" in done.err:
        return f"traceback: {done.err[-300:]}"
    if found := _RAW.search(done.out + done.err):
        return f"raw {found[0]!r} in {(done.out + done.err)[max(0, found.start() - 60) : found.end() + 60]!r}"
    return None


_SWEPT = [leaf for leaf in leaves() if leaf.texts and leaf.path not in _NOT_SWEPT]


def shares(texts: list[str], size: int) -> dict[tuple[str, str | None], list[str]]:
    """Some of the texts for each parameter of each command: the next ones each time its name occurs again."""
    turn: Counter[str | None] = Counter()
    chosen: dict[tuple[str, str | None], list[str]] = {}
    for leaf in _SWEPT:
        for param in leaf.texts:
            chosen[leaf.path, param.name] = [texts[(turn[param.name] + n) % len(texts)] for n in range(size)]
            turn[param.name] += size
        turn = Counter({name: count + 1 for name, count in turn.items()})  # names that occur once differ, too
    return chosen


def _on_postgresql() -> Iterator[Any]:
    """In a quick run one command in four: most texts are refused before they reach the database."""
    for number, leaf in enumerate(_SWEPT):
        marks = [pytest.mark.postgres, *([pytest.mark.full] if number % 4 else [])]
        yield pytest.param("postgresql", leaf, id=f"postgresql-{leaf.path}", marks=marks)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("backend", "leaf"),
    [*(pytest.param("sqlite", leaf, id=f"sqlite-{leaf.path}") for leaf in _SWEPT), *_on_postgresql()],
    indirect=["backend"],
)
def test_no_text_in_any_argument_breaks_a_command(shop: Shop, leaf: Leaf, full: bool) -> None:
    furnished(shop)
    sqlite = shop.database_url.startswith("sqlite")
    texts = [name for name in HOSTILE if sqlite or name in _REACHES_THE_DATABASE]  # refused before, as on SQLite
    share = shares(texts, len(texts) if full else 2)
    operators = shop.sql("SELECT id, name, role FROM operators ORDER BY id")
    files = set(Path.cwd().parent.rglob("*"))
    problems = {}

    for param in leaf.texts:
        for name in share[leaf.path, param.name]:
            done = shop(*leaf.words({str(param.name): HOSTILE[name]}, _IDS))
            if problem := holds(done):
                problems[f"{param.name} {name}"] = problem

    assert problems == {}
    if not leaf.path.startswith("operator"):
        assert shop.sql("SELECT id, name, role FROM operators ORDER BY id") == operators
    assert len(shop.sql("SELECT id FROM customers")) >= 1
    made = {path.suffix for path in set(Path.cwd().parent.rglob("*")) - files if path.is_file()}
    pages = made if leaf.path == "report refunds" else set()  # it writes where --html says
    assert made <= {".eml", ".db", ".db-wal", ".db-shm", ".toml", "", *pages}


_BYTES = {
    "latin-1": "Jos\xe9".encode("latin-1"),
    "utf-16": "id\ncus_1\n".encode("utf-16"),
    "binary": bytes(range(256)),
    "nul": b"a\0b\n",
    "bom": b"\xef\xbb\xbfid\ncus_1\n",
    "quote": b'id,reason\n"cus_1,x\n',
    "long_line": b"x" * 300_000 + b"\n",
    "deep_json": b'{"id":' + b"[" * 100_000 + b"\n",
    "json_number": b'{"id": 1e999}\n',
    "json_list": b"[1, 2]\n",
    "escape": b"cus_\x1b[31m1\n",
    "header_twice": b"id,id\n1,2\n",
    "cells": b"id,first_name,kind,value,carrier,tracking\ncus_1,\x1b[31m,email,=1+1,%s,{{7}}\n",
}


@pytest.mark.parametrize("content", _BYTES.values(), ids=_BYTES.keys())
@on_sqlite
def test_no_bytes_on_standard_input_or_in_a_file_break_a_command(shop: Shop, content: bytes) -> None:
    furnished(shop)
    Path("given").write_bytes(content)
    problems = {}

    for leaf in leaves():
        if leaf.path in _NOT_SWEPT:
            continue
        for param in leaf.params:
            if isinstance(param, click.Argument) and (param.nargs == -1 or param.name in ("text", "file")):
                done = shop(*leaf.words({str(param.name): "-"}, _IDS), input=content)
            elif isinstance(param.type, click.Path):
                done = shop(*leaf.words({str(param.name): "given"}, _IDS))
            else:
                continue
            if problem := holds(done):
                problems[f"{leaf.path} {param.name}"] = problem
        if any(param.name == "text" for param in leaf.params) and (
            problem := holds(shop(*leaf.words(None, _IDS), input=content))
        ):
            problems[f"{leaf.path} on standard input"] = problem

    assert problems == {}


def test_control_characters_in_the_database_are_escaped_in_output(shop: Shop) -> None:
    """An old import or another program may have written them."""
    name = "".join(text for text in HOSTILE.values() if len(text) < 300).replace("\0", "").replace("\udcff", "")
    customer = make_customer(shop, first_name=name, last_name="=1+1", phone="+1 217 555 0100", ip=name)
    sale = make_sale(shop, customer=customer)
    shop("txn", "refund", sale, "--yes")

    for words in (
        f"customer show {customer}",
        f"customer history {customer}",
        "customer search --last-name =1",
        f"customer export {customer}",
        "order list",
        "txn list",
        "email list",
        "email show eml_1",
        "audit list",
    ):
        for output in ("table", "json", "jsonl", "csv", "name"):
            done = shop(*words.split(), "-o", output)
            assert done.code == 0, (words, done.err)
            shown = replace(done, out="") if output == "csv" else done  # in a file nothing is escaped
            assert holds(shown) is None, (words, output)
            if output == "csv":
                cells = [cell for row in csv.reader(io.StringIO(done.out)) for cell in row]
                assert [cell for cell in cells if cell[:1] in tuple("=@\t\r")] == [], words


def test_a_name_is_escaped_in_emails(shop: Shop) -> None:
    customer = make_customer(shop, first_name="{{ 7*7 }}<script>x</script>", last_name="Doe", email="jane@example.com")
    sale = make_sale(shop, customer=customer)

    assert shop(f"txn refund {sale} --yes").code == 0

    mail = shop.mails()[0]
    html = mail.get_body(("html",))
    text = mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert "<script>" not in html.get_content()
    assert "{{ 7*7 }}" in text.get_content()
    assert mail["To"] == "jane@example.com"


@pytest.mark.parametrize(
    "address", ["a@b.example\nBcc: all@c.example", "a@b.example, c@d.example", "a@b.example;c@d.example"]
)
def test_an_email_address_with_a_header_or_a_second_address_is_refused(shop: Shop, address: str) -> None:
    assert shop("customer", "create", "--email", address).code == 2
    assert shop("queue", "notify", "add", address, "--yes").code == 2
    assert shop("setting", "set", "mail-from", address).code == 2
