"""Who may run which command: the table in the code, held against every command there is."""

from __future__ import annotations

import pytest

from csctl.domain.permissions import FORMS, OPEN_TO_ALL, PERMISSIONS, allowed
from csctl.domain.states import Role
from tests.shops import Shop
from tests.trust.command_tree import leaves

# What a command line without ids, and one with, stands for where that makes a difference.
_FORMS = {"queue retry": "queue retry of all", "txn reconcile": "txn reconcile of all"}
_NAMED = {
    "queue retry rfq_999999": "queue retry of named items",
    "txn reconcile txn_999999": "txn reconcile of named transactions",
}


def test_every_command_is_in_the_table_of_permissions() -> None:
    commands = {leaf.path for leaf in leaves()}

    assert commands - PERMISSIONS.keys() - OPEN_TO_ALL == set()
    assert PERMISSIONS.keys() - commands == set()
    assert OPEN_TO_ALL - commands == set()
    assert PERMISSIONS.keys() & OPEN_TO_ALL == set()


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_run_what_the_table_says_and_nothing_else(shop: Shop, role: Role) -> None:
    wrong = []
    for leaf in leaves():
        if leaf.path in OPEN_TO_ALL:
            continue
        may = role in allowed(_FORMS.get(leaf.path, leaf.path))
        done = shop(*leaf.words(), as_=role.value)
        refused = shop.sql("SELECT command, outcome, operator FROM audit ORDER BY id DESC LIMIT 1")[0]
        noted = refused == {"command": leaf.path, "outcome": "refused", "operator": role.value}
        if (done.code == 6) is may or noted is may or "Traceback" in done.err or (not may and done.out):
            wrong.append((leaf.path, may, done))

    assert wrong == []


@pytest.mark.parametrize(("words", "form"), _NAMED.items())
@pytest.mark.parametrize("role", list(Role))
def test_naming_records_is_peoples_work_where_doing_all_is_crons(shop: Shop, role: Role, words: str, form: str) -> None:
    done = shop(f"{words} --yes", as_=role.value)

    assert (done.code == 6) is (role not in FORMS[form]), done.err


def test_without_a_token_nothing_works_and_the_attempt_is_kept(shop: Shop) -> None:
    for leaf in leaves():
        if leaf.path in OPEN_TO_ALL:
            continue
        done = shop(*leaf.words(), as_=None)
        assert (done.code, done.out) == (6, ""), (leaf.path, done)
        last = shop.sql("SELECT command, outcome, operator FROM audit ORDER BY id DESC LIMIT 1")[0]
        assert last == {"command": leaf.path, "outcome": "refused", "operator": None}


def test_a_refusal_says_which_role_is_needed(shop: Shop) -> None:
    done = shop("blacklist add --ip 203.0.113.7 --reason x --yes -o json", as_="agent")

    assert done.code == 6
    assert done.error["code"] == "not_permitted"
    assert "admin" in done.error["cause"]
    assert shop.sql("SELECT * FROM blacklist") == []
