"""Every command that changes records: it asks where it has to, and writes its audit row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.administration.command_tree import Leaf, leaves
from tests.running import Done
from tests.runs.scenes import ELSEWHERE, SCENES
from tests.selection import one_database
from tests.shops import Shop

CHANGES = {leaf.path: leaf for leaf in leaves() if getattr(leaf.command, "changes", False)}
# More than one row: what an order is made of, both customers of a merge, a decision and its refund.
ROWS = {"order create": 3, "order rerun": 3, "customer merge": 2, "approval grant": 2}
DONE = {"queue retry": 12}  # a retry that fails again


def said(shop: Shop, path: str, given: str, *flags: str) -> Done:
    words = [*path.split(), *flags, *given.split()]
    if flag_of(CHANGES[path], "output"):
        words[len(path.split()) : len(path.split())] = ["-o", "json"]
    return shop(*words)


def flag_of(leaf: Leaf, name: str) -> bool:
    return any(param.name == name for param in leaf.command.params)


def everything(shop: Shop) -> dict[str, Any]:
    """Everything in the database and the ledger, and the delivered emails."""
    tables = shop.contents()
    for operator in tables["operators"]:
        del operator["last_used_at"]
    return {**tables, "the ledger": shop.ledger(), "mails": len(shop.mails())}


def trail(shop: Shop, path: str) -> int:
    return int(shop.sql("SELECT count(*) AS n FROM audit WHERE command = :path", path=path)[0]["n"])


def test_every_changing_command_has_a_case() -> None:
    assert sorted({*SCENES, *ELSEWHERE}) == sorted(CHANGES)


@one_database
@pytest.mark.parametrize("path", SCENES)
def test_a_change_asks_leaves_no_trace_in_a_dry_run_and_writes_an_audit_row(shop: Shop, path: str) -> None:
    given = SCENES[path](shop)
    before = everything(shop)
    asks = getattr(CHANGES[path].command, "asks", "never") in ("always", "named")

    rehearsed = said(shop, path, given, "--dry-run")
    assert rehearsed.code == 0, rehearsed.err
    assert list(dry_runs(rehearsed)) in ([True], []), rehearsed.out
    assert everything(shop) == before

    if asks:
        refused = said(shop, path, given)
        assert (refused.code, refused.out) == (2, ""), refused.err
        assert "--yes" in refused.err
        assert everything(shop) == before

    rows = trail(shop, path)
    done = said(shop, path, given, "--yes")
    assert done.code == DONE.get(path, 0), done.err
    assert trail(shop, path) - rows == ROWS.get(path, 1)
    assert everything(shop) != before


def dry_runs(done: Done) -> Iterator[bool]:
    if done.out:
        rows = done.json if isinstance(done.json, list) else [done.json]
        yield from {row["dry_run"] for row in rows}


MANY = [path for path, leaf in CHANGES.items() if getattr(leaf.command, "asks", "never") == "many"]


@one_database
@pytest.mark.parametrize("path", [path for path in MANY if path != "run resume"])
def test_a_change_of_several_records_asks(shop: Shop, path: str) -> None:
    if path == "customer edit":
        (shop.folder / "edits.csv").write_text("id,first_name\n1,Ann\n2,Ann\n")
        one, two = SCENES[path](shop), SCENES[path](shop)
        given = f"--from {shop.folder / 'edits.csv'}"
    elif path == "fulfillment ship":
        one, two = (SCENES[path](shop).split()[0] for _ in "12")
        (shop.folder / "sent.csv").write_text(f"id,carrier,tracking\n{one},UPS,1\n{two},UPS,2\n")
        given = f"--from {shop.folder / 'sent.csv'}"
    elif path == "customer payment-method retoken":
        given = SCENES[path](shop)
        (shop.folder / "tokens.csv").write_text("id,token\n1,tok_a\n2,tok_b\n")
    elif path == "queue notify remove":
        given = f"{SCENES[path](shop)} nobody@example.com"
    elif path == "blacklist remove":
        given = f"{SCENES[path](shop)} bli_99"
    elif path == "purchase billing-owner":
        given = f"{SCENES[path](shop).split()[0]} {SCENES[path](shop)}"
    else:
        one, two = SCENES[path](shop), SCENES[path](shop)
        given = f"{one} {two.split()[0]}"
    before = everything(shop)
    refused = said(shop, path, given)

    assert (refused.code, refused.out) == (2, ""), refused.err
    assert "--yes" in refused.err
    assert everything(shop) == before
