"""Help on topics, and completion."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from csctl import errors
from csctl.domain.ids import PREFIXES
from csctl.settings import NAMES
from tests.running import Done

Csctl = Callable[..., Done]


def test_help_without_arguments_lists_the_topics(csctl: Csctl) -> None:
    done = csctl("help")

    assert done.code == 0
    assert all(topic in done.out for topic in ("exit-codes", "environment", "output", "ids"))


def test_every_exit_code_is_explained(csctl: Csctl) -> None:
    explained = {line.split()[0] for line in csctl("help exit-codes").out.splitlines() if line.startswith("  ")}
    codes = {str(kind.exit) for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit")}

    assert codes | {"0", "3", "130,"} <= explained


def test_every_variable_is_explained(csctl: Csctl) -> None:
    text = csctl("help environment").out

    assert [name for name in (*NAMES, "CSCTL_GATEWAY_<NAME>", "NO_COLOR") if name not in text] == []


def test_every_prefix_is_explained(csctl: Csctl) -> None:
    text = csctl("help ids").out

    assert [prefix for prefix in PREFIXES if f"{prefix}_12" not in text] == []


def test_every_format_is_explained(csctl: Csctl) -> None:
    text = csctl("help output").out

    assert all(f"-o {name}" in text for name in ("table", "json", "jsonl", "csv", "name"))


@pytest.mark.parametrize("topic", ["exit-codes", "environment", "output", "ids"])
def test_topics_fit_a_terminal_of_80_columns(csctl: Csctl, topic: str) -> None:
    assert [line for line in csctl(f"help {topic}").out.splitlines() if len(line) > 80] == []


def test_the_help_lists_additional_exit_codes(csctl: Csctl) -> None:
    for words in ("customer show", "customer export", "db check", "audit verify", "operator create", "db init"):
        assert ", 5, " in csctl(f"{words} --help").out.partition("Exit codes:")[2], words
    assert "billing run" in csctl("help exit-codes").out


def test_help_with_a_command_prints_its_help(csctl: Csctl) -> None:
    assert csctl("help setting set").out == csctl("setting set --help").out
    assert csctl("help setting").out == csctl("setting --help").out


@pytest.mark.parametrize(
    ("words", "meant"), [("help exit-code", "exit-codes"), ("help settin", "setting"), ("help setting lst", "list")]
)
def test_help_on_an_unknown_topic_suggests_similar_ones(csctl: Csctl, words: str, meant: str) -> None:
    done = csctl(words)

    assert done.code == 2
    assert f"Did you mean {meant}" in done.err
