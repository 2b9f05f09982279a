"""Reporting errors: on stderr, as Error / Cause / Fix, or as JSON where -o asks for JSON."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from csctl.domain.text import printable
from csctl.errors import CsctlError, Unreachable

from . import color, root_options, streams
from .streams import OutputLost

_SHORT_OUTPUT = re.compile(r"-[hqy]*o(.*)", re.DOTALL)  # short options may be joined, and -o is the last one


class Ended(Exception):
    """A change stopped before its end. `message` says how far it came and how to resume it.

    `lost`: its output could not be written. Python would wait at its exit until it can be.
    """

    def __init__(self, exit: int, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.exit, self.message, self.lost = exit, message, lost


def report(problem: CsctlError, words: list[str]) -> int:
    """Print an error as the command line `words` asks for. Returns its exit code."""
    if wanted_output(words) in ("json", "jsonl"):
        import json

        say(json.dumps({"error": root_options.in_fix(problem.as_dict())}))
    else:
        say_error(problem, _color_choice(words))
    return problem.exit


def say_error(problem: CsctlError, choice: str = "auto") -> None:
    """Print the three lines of an error. `choice` is the value of --color."""
    colored = color.wanted(choice, on_stderr=True)
    fix = problem.fix and root_options.repeated(problem.fix)
    for name, text in (("Error", problem.message), ("Cause", problem.cause), ("Fix", fix)):
        if text:
            mark = color.label(f"{name}:", bad=name == "Error", enabled=colored)
            say(f"{mark} {printable(text)}", colored=colored)


def report_bug(problem: Exception, words: list[str]) -> int:
    """Report an exception that csctl does not expect. The traceback only with --debug, with passwords masked."""
    if "--debug" in words:
        import traceback

        from csctl.settings import mask_within

        say(mask_within("".join(traceback.format_exception(problem))).rstrip())
    return report(
        CsctlError(
            f"csctl has a bug: {type(problem).__name__}",
            cause="an unexpected exception; what was committed before it is safe",
            fix="run it again with --debug, and report what it prints",
        ),
        words,
    )


def report_end(end: Ended) -> int:
    """Report a change that stopped before its end."""
    if end.lost:
        streams.discard_output()
    say(root_options.repeated(end.message))
    return end.exit


def report_lost_output(lost: OutputLost, words: list[str]) -> int:
    """Report output that cannot be written. A reader that closed the pipe is not an error."""
    streams.discard_output()
    if lost.gone:
        return 0
    return report(
        Unreachable("the output cannot be written", cause=lost.reason, fix="free some space, or write it elsewhere"),
        words,
    )


def report_interrupt(number: int) -> int:
    """Report that a signal stopped a command between two records."""
    streams.discard_output()  # a reader that waits must not keep us from ending
    say("Interrupted. Finished work is recorded; no record is half done.")
    return 128 + number


def say(text: str, *, colored: bool = False) -> None:
    """Print a line on stderr. A closed stderr does not stop the command."""
    try:
        click.echo(text, err=True, color=colored)
    except (BrokenPipeError, OSError):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of this process


def wanted_output(words: list[str]) -> str:
    """The output format of a command line that may be invalid."""
    for place, word in enumerate(words):
        if word == "--output" and place + 1 < len(words):
            return words[place + 1]
        if word.startswith("--output="):
            return word.partition("=")[2]
        if joined := _SHORT_OUTPUT.fullmatch(word):  # -ojson, -qo json
            return joined[1].removeprefix("=") or next(iter(words[place + 1 :]), "table")
    return _preference("CSCTL_OUTPUT", words) or "table"


def _preference(name: str, words: list[str]) -> str | None:
    from csctl.settings import preference  # --help and completion need no settings

    return preference(name, os.environ, _env_file(words))


def _env_file(words: list[str]) -> Path | None:
    if "--confined" in words:
        return None
    for place, word in enumerate(words):
        if word == "--env-file" and place + 1 < len(words):
            return Path(words[place + 1])
        if word.startswith("--env-file="):
            return Path(word.partition("=")[2])
    return None


def _color_choice(words: list[str]) -> str:
    choice = color.choice_in(words)
    return "never" if choice == "auto" and _preference("NO_COLOR", words) else choice


def help_hint(ctx: click.Context | None) -> str | None:
    """The command that prints the help for this context."""
    return f"{ctx.command_path} --help" if ctx else None
