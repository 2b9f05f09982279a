"""Secrets and card numbers are not in databases, emails, errors or output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csctl.card_numbers import holds_card_number
from csctl.services.views import history
from tests.administration.command_tree import Leaf, leaves
from tests.factories import make_customer, make_fulfillment, make_order, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop

CARD = "4242 4242 4242 4242"
_IDS = {"cus": "cus_1", "ord": "ord_1", "txn": "txn_1", "ful": "ful_1"}
_FREE = {"tracking", "gateway_ref", "external_id"}  # numbers of others, which may look like anything
_PASSWORDS = {"database": "Pa55-of-db", "mail": "Pa55-of-mail", "gateway": "sk_live_Pa55-of-gateway"}


def everything(shop: Shop) -> Iterator[tuple[str, Any]]:
    """Every value in the database, the emails and the ledger, with its place."""
    for table, rows in shop.contents().items():
        yield from ((f"{table}.{column}", value) for row in rows for column, value in row.items())
    for file in shop.outbox.rglob("*.eml"):
        yield str(file), file.read_text(encoding="utf-8")
    if shop.sandbox.exists():
        yield str(shop.sandbox), shop.sandbox.read_bytes().decode("latin-1")


def furnish(shop: Shop) -> None:
    customer = make_customer(shop)
    order = make_order(shop, customer)
    make_sale(shop, order=order, adopt=False)
    make_fulfillment(shop, order)


@pytest.mark.parametrize(
    "leaf", [leaf for leaf in leaves() if leaf.texts and leaf.path != "demo"], ids=lambda leaf: leaf.path
)
@on_sqlite
def test_no_command_stores_or_prints_a_card_number(shop: Shop, leaf: Leaf, full: bool) -> None:
    furnish(shop)
    printed = {}
    texts = (CARD, f"the card is {CARD.replace(' ', '-')}.")

    for number, param in enumerate(leaf.texts):
        if param.name in _FREE:
            continue
        for text in texts if full else (texts[number % 2],):
            done = shop(*leaf.words({str(param.name): text}, _IDS))
            if holds_card_number(done.out + done.err):
                printed[f"{param.name}"] = (done.out + done.err)[-300:]

    kept = {where for where, value in everything(shop) if isinstance(value, str) and _digits_of_card(value)}
    assert kept == set()
    assert printed == {}


@pytest.mark.parametrize(
    "text",
    [
        "card 4242 4242 4242 4242 12/27 cvv 123",
        "4242\u2013 4242\u2013 4242\u2013 4242",
        "1 \uff14\uff12424242 42424242",
    ],
)
@on_sqlite
def test_a_card_number_is_refused_with_separators_and_beside_other_text(shop: Shop, text: str) -> None:
    customer = make_customer(shop)

    done = shop("customer", "note", customer, text)

    assert done.code == 2
    assert "card number" in done.err
    assert shop.sql("SELECT * FROM history") == []


def _digits_of_card(value: str) -> bool:
    return CARD.replace(" ", "") in re.sub(r"[ -]", "", value)


def test_passwords_and_tokens_are_not_stored_or_printed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(shop)
    database = shop.database_url.replace("csctl@/", f"csctl:{_PASSWORDS['database']}@/")
    env = {
        "CSCTL_DATABASE_URL": database,
        "CSCTL_MAIL_URL": f"smtp://user:{_PASSWORDS['mail']}@127.0.0.1:9?tls=starttls",
        "CSCTL_GATEWAY_EU": f"stripe:{_PASSWORDS['gateway']}?base=http://127.0.0.1:9",
    }
    shown = []

    def run(*words: str, **more: Any) -> None:
        done = shop(*words, env={**env, **more.pop("env", {})}, **more)
        shown.append(done.out + done.err)

    for leaf in leaves():
        if leaf.path != "demo":
            run(*leaf.words(None, _IDS), "--debug" if leaf.path != "help" else "-h")
    run("config show -o json")
    run("customer search doe --debug", env={"CSCTL_DATABASE_URL": "postgresql+psycopg://u:Pa55-of-db@127.0.0.1:1/x"})
    run("customer search doe --debug", env={"CSCTL_DATABASE_URL": "mysql://u:Pa55-of-db@127.0.0.1:1/x"})
    run("customer search doe --debug", env={"CSCTL_DATABASE_URL": "nonsense://u:Pa55-of-db@h:port/x"})
    run("email send", env={"CSCTL_MAIL_URL": f"ftp://user:{_PASSWORDS['mail']}@127.0.0.1"})
    run("doctor", env={"CSCTL_GATEWAY_X": f"{_PASSWORDS['gateway']}"})
    monkeypatch.setattr(history, "of_customer", None)  # a bug
    run("customer history cus_1 --debug")
    assert "Traceback" in shown[-1]

    secrets = {**_PASSWORDS, **{f"token of {role}": token for role, token in shop.tokens.items()}}
    for name, secret in secrets.items():
        assert [text[:200] for text in shown if secret in text] == [], name
        assert [where for where, value in everything(shop) if secret in str(value)] == [], name


def test_the_database_file_is_readable_by_its_owner_only(shop: Shop) -> None:
    made = Path("new.db")

    done = shop("db init --admin jane", env={"CSCTL_DATABASE_URL": f"sqlite:///{made}", "CSCTL_NOW": ""}, as_=None)

    assert done.code == 0, done.err
    assert {path.name: path.stat().st_mode & 0o777 for path in Path.cwd().glob("new.db*")} == {"new.db": 0o600}


@on_sqlite
def test_the_sandbox_ledger_is_readable_by_its_owner_only(shop: Shop) -> None:
    make_sale(shop)

    assert shop.ledger() != []
    assert shop.sandbox.stat().st_mode & 0o777 == 0o600
