"""A stranger's export comes in complete, by the mappings of docs/examples/chinook, as docs/importing.md says."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.shops import Shop

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "chinook"
WHOLE = os.environ.get("CSCTL_TEST_CHINOOK")  # the folder of the whole export, if it is there


def documented() -> list[str]:
    """The commands of the page, as a person would type them."""
    text = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    section = text.partition("## Example")[2].partition("\n## ")[0]
    return re.findall(r"^csctl (data import .*)$", section, re.MULTILINE)


def imported(shop: Shop, source: Path) -> list[dict[str, int]]:
    for file in [*source.glob("*.csv"), *(ROOT / "docs" / "examples" / "chinook").glob("*.toml")]:
        shutil.copy(file, ".")
    done = [shop(f"{command} -o json") for command in documented()]
    assert [one.code for one in done] == [0, 0, 0, 0], done
    return [one.json for one in done]


def test_the_sample_comes_in_by_the_documented_commands(shop: Shop) -> None:
    found = imported(shop, SAMPLE)

    assert [one["created"] for one in found] == [4, 3, 5, 3]
    assert shop.sql("SELECT sum(total) AS total FROM orders")[0]["total"] == 694
    order = shop("order show ord_2 -o json").json
    assert order["total"] == "3.97"
    assert [line["product"] for line in order["purchases"]] == ["+ Plus", "Two Times"]
    assert [(one["state"], one["settlement"]) for one in order["transactions"]] == [("approved", "settled")]


@pytest.mark.skipif(WHOLE is None, reason="CSCTL_TEST_CHINOOK does not name the whole export")
def test_the_whole_export_comes_in_by_the_documented_commands(shop: Shop) -> None:
    whole = Path(str(WHOLE))
    found = imported(shop, whole)

    assert [one["created"] for one in found] == [59, 412, 2240, 412]
    assert [one["created"] for one in imported(shop, whole)] == [0, 0, 0, 0]
    assert shop.sql("SELECT sum(total) AS total FROM orders")[0]["total"] == 232860
    assert shop.sql("SELECT sum(price) AS total FROM purchases")[0]["total"] == 232860
    sales = shop.sql(
        "SELECT count(*) AS number, sum(amount) AS total FROM transactions WHERE kind = 'sale' AND state = 'approved'"
        " AND settlement = 'settled' AND gateway = 'main' AND currency = 'USD' AND settled_at IS NOT NULL"
    )
    assert (sales[0]["number"], int(sales[0]["total"])) == (412, 232860)
    assert shop("db check").code == 0
