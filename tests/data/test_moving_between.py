"""A shop that moves from SQLite to PostgreSQL and back: its records and its exports are the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.data.test_moving import bills_a_year_alike, busy, documents, moved, ok, pays_once  # noqa: F401
from tests.databases import Template, template_of_run
from tests.postgres import Server
from tests.selection import on_sqlite
from tests.shops import Shop


@pytest.fixture
def stations(
    busy: Shop,  # noqa: F811
    template: Template,
    postgres: Server,
    _templates: dict[str, Template],
    tmp_path: Path,
) -> Iterator[list[Shop]]:
    """An empty database on PostgreSQL and one on SQLite, each with a copy of the sandbox's ledger."""
    if "postgresql" not in _templates:
        _templates["postgresql"] = template_of_run("postgresql", postgres)
    with ExitStack() as stack:
        made = []
        for name, source in (("there", _templates["postgresql"]), ("back", template)):
            folder = tmp_path / name
            folder.mkdir()
            shop = Shop(folder / "shop", stack.enter_context(source.copied(folder)), source.tokens)
            stack.callback(shop.close)
            shop.now = busy.now
            shutil.copy(busy.sandbox, shop.sandbox)
            made.append(shop)
        yield made


@on_sqlite
def test_a_shop_that_goes_to_postgresql_and_back_is_the_same(busy: Shop, stations: list[Shop]) -> None:  # noqa: F811
    there, back = stations
    first, second = Path("first").absolute(), Path("second").absolute()

    ok(busy(f"data export all {first}"))
    ok(there(f"data import all {first}"))
    ok(there(f"data export all {second}"))
    ok(back(f"data import all {second}"))

    assert there.database_url.startswith("postgresql")
    assert documents(busy) == documents(there) == documents(back)
    changed = {path.name for path in first.iterdir() if path.read_bytes() != (second / path.name).read_bytes()}
    assert changed <= {"manifest.json"}


@on_sqlite
@pytest.mark.full
def test_a_year_is_billed_alike_in_all_three(busy: Shop, stations: list[Shop]) -> None:  # noqa: F811
    there, back = stations
    moved(busy, there, "first")
    moved(there, back, "second")

    bills_a_year_alike(busy, there, back)


@on_sqlite
@pytest.mark.full
def test_a_retired_database_and_one_of_another_kind_pay_once(busy: Shop, stations: list[Shop]) -> None:  # noqa: F811
    there, back = stations
    there.env["CSCTL_GATEWAY_MAIN"] = busy.env["CSCTL_GATEWAY_MAIN"]
    moved(busy, there, "first", "--retire")
    moved(there, back, "second", "--retire")

    pays_once(there, back)
    assert busy("queue retry", at="2026-03-21T09:00:00Z", as_="service").code == 11
