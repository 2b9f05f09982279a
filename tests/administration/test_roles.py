"""Who may run which command, as the domain rules say (section 7), held against every command there is."""

from __future__ import annotations

import pytest

from csctl.domain.permissions import FORMS, GROUPS, OPEN_TO_ALL, PERMISSIONS
from csctl.domain.states import Role
from tests.administration.command_tree import leaves
from tests.selection import on_sqlite
from tests.shops import Shop

# The rules, written down independently of the code; what stands in none of these lines is for administrators alone.
AGENTS = """
    customer search|show|create|edit|note|history|call|export
    order search|list|show|create|refund|cancel|resend-email
    purchase list|show|trial restart|trial skip|trial stop|option|price|billing-date|quantity
    purchase cancel|pause|resume|force-bill
    txn list|show|refund|void|resend-email|dispute
    fulfillment list|show|hold|release|cancel|reship|ship|deliver|return|fail
    queue list|show|stats|remove|requeue|resolve
    product list|show
    approval list|show|withdraw
    report refunds
    customer edit-note|payment-method list|payment-method default|payment-method disable
    purchase payment-method|reactivate
    order rerun|edit
    email list|show|preview
    blacklist list|check
    run list|show|resume
    doctor
    gateway list|check
    whoami
"""
CRON = """
    queue retry|list|show|stats
    billing run
    txn sync|reconcile
    email send
    audit seal
    doctor
    gateway list|check
    whoami
"""
_NAMED = {
    "queue retry rfq_999999": "queue retry of named items",
    "txn reconcile txn_999999": "txn reconcile of named transactions",
}


def commands_in(lines: str) -> set[str]:
    """`txn sync|reconcile` names two."""
    found = set()
    for line in lines.strip().splitlines():
        group, _, verbs = line.strip().partition(" ")
        found |= {f"{group} {verb}" for verb in verbs.split("|")} if verbs else {group}
    return found


def may_run(role: Role, command: str) -> bool:
    """A command without ids, which for some means all that is due."""
    return role is Role.ADMIN or command in commands_in(AGENTS if role is Role.AGENT else CRON)


def test_no_command_stands_twice_in_the_table_of_permissions() -> None:
    listed = [command.strip() for commands in GROUPS.values() for command in commands.replace("\n", ",").split(",")]
    named = [command for command in listed if command]

    assert len(named) == len(set(named)) == len(PERMISSIONS)


def test_every_command_is_in_the_table_of_permissions() -> None:
    commands = {leaf.path for leaf in leaves()}

    assert commands - PERMISSIONS.keys() - OPEN_TO_ALL == set()
    assert PERMISSIONS.keys() - commands == set()
    assert OPEN_TO_ALL - commands == set()
    assert PERMISSIONS.keys() & OPEN_TO_ALL == set()


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_run_what_the_rules_say_and_nothing_else(shop: Shop, role: Role) -> None:
    wrong = []
    for leaf in leaves():
        if leaf.path in OPEN_TO_ALL:
            continue
        may = may_run(role, leaf.path)
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


@on_sqlite
def test_sqlite_is_said_to_know_no_rights(shop: Shop) -> None:
    done = shop("db grants")

    assert (done.code, done.out) == (11, "")
    assert "SQLite" in done.err
