"""--fail-fast: every command for several records stops at the first failure."""

from __future__ import annotations

import pytest

from tests.administration.command_tree import Leaf
from tests.commands.test_changes import CHANGES, flag_of
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite
_GIVEN = {"reason": "x", "reference": "x", "until": "2030-01-01", "carrier": "UPS", "tracking": "1"}
_OTHERWISE = {
    "customer edit": "--from {file}",
    "customer payment-method retoken": "--from {file}",
    "customer merge": "cus_1 cus_998 cus_999",
    "fulfillment ship": "--carrier UPS --from {file}",
    "purchase billing-owner": "pur_998 pur_999 csctl",
    "product retire": "nothing nobody",
    "queue notify add": "nonsense nobody",
    "queue notify remove": "a@example.com b@example.com",
    "blacklist add": "--ip nonsense --ip nobody --reason x",
}


def takes_several(leaf: Leaf) -> bool:
    many = any(param.nargs == -1 or param.name == "file" for param in leaf.params)
    return many and leaf.path != "data import"


SEVERAL = [path for path, leaf in CHANGES.items() if takes_several(leaf)]


def words(shop: Shop, leaf: Leaf) -> str:
    if given := _OTHERWISE.get(leaf.path):
        file = shop.folder / "many.csv"
        field = {"customer edit": "first_name", "customer payment-method retoken": "token"}.get(leaf.path, "tracking")
        file.write_text(f"id,{field}\n998,A\n999,B\n")
        return given.format(file=file)
    (prefix,) = [param.metavar.strip("[]…").lower() for param in leaf.params if param.nargs == -1 and param.metavar]
    options = [f"--{p.name}={_GIVEN[p.name]}" for p in leaf.params if p.required and p.name in _GIVEN]
    return f"{' '.join(options)} {prefix}_998 {prefix}_999"


@pytest.mark.parametrize("path", SEVERAL)
def test_a_failure_stops_the_other_records_only_with_fail_fast(shop: Shop, path: str) -> None:
    leaf = CHANGES[path]
    assert flag_of(leaf, "fail_fast")
    given = words(shop, leaf)

    for stops, rows in ((True, 1), (False, 2)):
        flags = "--fail-fast" if stops else ""
        flags += " --concurrency 1" if flag_of(leaf, "concurrency") else ""  # what is under way is finished
        for dry in ("--dry-run", "--yes"):
            done = shop(f"{path} {dry} {flags} -o json {given}")
            assert (len(done.json), done.json[0]["ok"]) == (rows, False), done.err
