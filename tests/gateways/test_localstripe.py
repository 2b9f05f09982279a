"""The walk of docs/gateways.md, with the Stripe that others wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import serve

from tests.selection import on_sqlite
from tests.shops import Shop

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = on_sqlite


def walk() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / "gateways.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if "sale-1" in block)
    return str(block).splitlines()


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[serve.Stripe]:
    process, port = serve.start_localstripe()
    with serve.Stripe(port, tmp_path) as made:
        serve.fill(made, tmp_path)
        yield made
    process.terminate()
    process.wait()


def test_the_walk_of_the_documentation(shop: Shop, stripe: serve.Stripe, tmp_path: Path) -> None:
    shop.now = datetime.now(UTC).isoformat()
    for line in walk():
        words, _, comment = line.replace("shop/", f"{tmp_path}/").partition("#")
        expected = re.match(r" exit (\d+)", comment)
        if words.startswith("export "):
            name, _, value = words.removeprefix("export ").strip().partition("=")
            shop.env[name] = value.strip("'").replace("http://127.0.0.1:8420", stripe.base)
        elif words.startswith("touch "):
            Path(words.split()[1]).touch()
        else:
            done = shop(words.removeprefix("csctl "))
            assert done.code == (int(expected[1]) if expected else 0), (line, done.err)
            assert "search" not in words or "Lovelace" in done.out

    refunds = shop("txn list --kind refund --state approved -o json").json
    assert sorted(Decimal(one["amount"]) for one in refunds) == [5, 8, 12, 15, 20]
    paid = stripe.ask("GET", "/v1/refunds", [("limit", "100")])[1]["data"]
    assert sorted(one["amount"] for one in paid) == [500, 800, 1200, 1500, 2000]
    charges = stripe.ask("GET", "/v1/payment_intents", [("limit", "100")])[1]["data"]
    assert sorted(one["status"] for one in charges) == ["canceled", *["succeeded"] * 5]
