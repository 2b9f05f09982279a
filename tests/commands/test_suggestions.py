"""Suggestions for commands that do not exist, and for options in the wrong place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.administration.command_tree import leaves
from tests.running import Done

Csctl = Callable[..., Done]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("void txn_9", "csctl txn void"),
        ("refund txn_9", "csctl txn refund or csctl order refund"),
        ("transaction list", "csctl txn"),
        ("subscription list", "csctl purchase"),
        ("find jane", "csctl customer search or csctl order search"),
        ("customer find jane", "csctl customer search"),
        ("customer get cus_1", "csctl customer show"),
        ("customer update cus_1", "csctl customer edit"),
        ("ordr list", "csctl order"),
    ],
)
def test_synonyms_and_typing_errors_get_suggestions(csctl: Csctl, words: str, meant: str) -> None:
    done = csctl(words)

    assert done.code == 2
    assert f"Did you mean {meant}?" in done.err


@pytest.mark.parametrize(
    ("words", "command"),
    [("customer eraze", "erase"), ("sandbox rest", "reset"), ("queue remov", "remove"), ("order cancl", "cancel")],
)
def test_a_typing_error_never_suggests_a_command_that_asks(csctl: Csctl, words: str, command: str) -> None:
    done = csctl(words)

    assert done.code == 2
    assert command not in done.err


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("-o json order list", "put -o after the command: csctl order list -o"),
        ("order -o json list", "put -o after the command: csctl order list -o"),
        ("--dry-run txn refund txn_9", "put --dry-run after the command: csctl txn refund --dry-run"),
        ("order list --database sqlite:///x.db", "put --database before the command: csctl --database … order list"),
        ("txn show 9 --env-file x", "put --env-file before the command: csctl --env-file … txn show"),
    ],
)
def test_an_option_in_the_wrong_place_says_where_it_belongs(csctl: Csctl, words: str, place: str) -> None:
    done = csctl(words, env={"COLUMNS": "200"})

    assert done.code == 2
    assert place in (done.error["fix"] if "json" in words else done.err)


def test_usage_errors_are_on_one_line(csctl: Csctl) -> None:
    done = csctl("data import")

    assert done.code == 2
    assert "\\n" not in done.err
    assert "\\t" not in done.err
    assert "customers, payment-methods" in done.err


def test_help_lists_every_command_in_one_section(csctl: Csctl) -> None:
    text = csctl("--help").out
    listed = [line.split()[0] for line in text.partition("Daily work:")[2].splitlines() if line.startswith("  ")]

    assert sorted(listed) == sorted(set(listed))
    assert {leaf.path.split()[0] for leaf in leaves()} == set(listed)
    assert all(f"\n{section}:\n" in text for section in ("Daily work", "Subscriptions", "Administration", "Setup"))
