"""The declaration of every command, checked through click's tree."""

from __future__ import annotations

import importlib.metadata
import shlex
from collections.abc import Callable

import click
import pytest

from tests.administration.command_tree import leaves
from tests.running import Done

Csctl = Callable[..., Done]


COMMANDS = {leaf.path: leaf.command for leaf in leaves()}


def test_every_command_has_help_with_examples_and_exit_codes(csctl: Csctl, full: bool) -> None:
    """A quick run asks each command by one of the two flags."""
    for number, words in enumerate(COMMANDS):
        for flag in ("-h", "--help") if full else (("-h", "--help")[number % 2],):
            done = csctl(f"{words} {flag}")

            assert (done.code, done.err) == (0, ""), words
            assert done.out.startswith(f"Usage: csctl {words}")
            assert "Examples:" in done.out, words
            assert "Exit codes:" in done.out, words


def test_every_command_has_a_one_sentence_summary() -> None:
    summaries = {words: command.get_short_help_str(limit=500) for words, command in COMMANDS.items()}

    assert {words: said for words, said in summaries.items() if not 0 < len(said) <= 120} == {}


def test_every_command_has_two_examples_that_parse() -> None:
    for words, command in COMMANDS.items():
        examples = getattr(command, "examples", ())

        assert len(examples) >= 2, words
        for example in examples:
            parse(example)


def parse(example: str) -> None:
    """Read a line of a shell as csctl would, without running it. Raises click.UsageError."""
    for piece in example.split("|"):
        line = shlex.split(piece.split("<")[0].split(">")[0])
        while line and "=" in line[0]:
            line.pop(0)  # variables that are set for this command
        if line[0] == "csctl":
            while line[1].startswith("-"):
                del line[1:3]  # options of csctl itself
            words = next(name for name in sorted(COMMANDS, key=len, reverse=True) if starts(line[1:], name))
            arguments = [word for word in line[1 + len(words.split()) :] if word != "-"]
            arguments += [] if len(arguments) == len(line) - 1 - len(words.split()) else ["1"]
            COMMANDS[words].make_context(words, arguments)


def starts(line: list[str], name: str) -> bool:
    return line[: len(name.split())] == name.split()


def test_records_have_output_options_and_changes_have_dry_run() -> None:
    for words, command in COMMANDS.items():
        flags = {flag for parameter in command.params for flag in parameter.opts}

        assert {"-q", "--debug", "--color"} <= flags, words
        assert ("-o" in flags) == ("--fields" in flags) == bool(getattr(command, "fields", ())), words
        assert ("--dry-run" in flags) == ("--yes" in flags) == bool(getattr(command, "changes", False)), words


def test_columns_are_fields() -> None:
    for words, command in COMMANDS.items():
        assert set(getattr(command, "columns", ())) <= set(getattr(command, "fields", ())), words


def test_every_option_has_a_help_text() -> None:
    silent = [
        (words, parameter.opts)
        for words, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not (parameter.help or parameter.hidden)
    ]

    assert silent == []


def test_a_misspelled_command_gets_suggestions(csctl: Csctl) -> None:
    assert "Did you mean" in csctl("oder list").err
    assert "Did you mean" in csctl("setting lst").err
    assert csctl("oder list").code == 2


def test_csctl_alone_prints_its_help(csctl: Csctl) -> None:
    done = csctl("")

    assert done.code == 0
    assert done.out.startswith("Usage: csctl")


def test_a_group_alone_prints_its_help(csctl: Csctl) -> None:
    done = csctl("setting")

    assert done.code == 0
    assert "Commands:" in done.out


def test_version_prints_the_version_of_the_package(csctl: Csctl) -> None:
    assert csctl("--version").out == f"csctl {importlib.metadata.version('csctl')}\n"


@pytest.mark.parametrize("words", ["setting list --nonsense", "setting set timezone", "operator create x --role king"])
def test_an_invalid_command_line_is_a_usage_error_in_json(csctl: Csctl, words: str) -> None:
    done = csctl(f"{words} -o json")

    assert done.code == 2
    assert done.out == ""
    assert done.error["code"] == "usage"
    assert done.error["fix"].endswith("--help")
