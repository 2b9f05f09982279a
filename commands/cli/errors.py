"""How csctl speaks of what went wrong: on stderr, as Error / Cause / Fix, or as JSON where JSON was asked for."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

import click

from csctl.domain.text import printable
from csctl.errors import CsctlError, Unreachable
from csctl.settings import mask, preference

from . import color as colour
from . import streams
from .streams import OutputLost

_SHORT_OUTPUT = re.compile(r"-[hqy]*o(.*)", re.DOTALL)  # short options may be joined, and -o is the last one


class Ended(Exception):
    """A change was stopped before it was through. `said`: where it stands, and how to go on."""

    def __init__(self, exit: int, said: str, *, lost: bool = False) -> None:
        super().__init__(said)
        self.exit, self.said, self.lost = exit, said, lost


def error(problem: CsctlError, words: list[str]) -> int:
    """Say what went wrong; the exit code it stands for."""
    if wanted_output(words) in ("json", "jsonl"):
        say(json.dumps({"error": problem.as_dict()}))
    else:
        say_error(problem, _colour_wanted(words))
    return problem.exit


def say_error(problem: CsctlError, choice: str = "auto") -> None:
    """The three lines of an error. `choice` is that of --color."""
    coloured = colour.wanted(choice, on_stderr=True)
    for name, text in (("Error", problem.message), ("Cause", problem.cause), ("Fix", problem.fix)):
        if text:
            mark = colour.label(f"{name}:", bad=name == "Error", colour=coloured)
            say(f"{mark} {printable(text)}", coloured=coloured)


def bug(problem: Exception, words: list[str]) -> int:
    """What should not happen. The traceback only with --debug, with passwords masked."""
    if "--debug" in words:
        say(mask("".join(traceback.format_exception(problem))).rstrip())
    return error(
        CsctlError(
            f"csctl has a bug: {type(problem).__name__}",
            cause="this should not have happened; what was committed before it is safe",
            fix="run it again with --debug, and report what it prints",
        ),
        words,
    )


def ended(end: Ended) -> int:
    """A change that did not come to its end. Python would wait at its exit for what is `lost` to be read."""
    if end.lost:
        streams.discard_output()
    say(end.said)
    return end.exit


def output_lost(lost: OutputLost, words: list[str]) -> int:
    """Nobody reads what we print, which is theirs to decide; or it cannot be written."""
    streams.discard_output()
    if lost.gone:
        return 0
    return error(
        Unreachable("the output cannot be written", cause=lost.reason, fix="make room, or print it elsewhere"), words
    )


def interrupted(number: int) -> int:
    say("Interrupted. What was done is recorded; nothing is half done.")
    return 128 + number


def say(text: str, *, coloured: bool = False) -> None:
    """A line on stderr. A closed stderr is no reason to stop working."""
    try:
        click.echo(text, err=True, color=coloured)
    except (BrokenPipeError, OSError):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of this process


def wanted_output(words: list[str]) -> str:
    """The output format on a command line that may not even parse."""
    for place, word in enumerate(words):
        if word == "--output" and place + 1 < len(words):
            return words[place + 1]
        if word.startswith("--output="):
            return word.partition("=")[2]
        if joined := _SHORT_OUTPUT.fullmatch(word):  # -ojson, -qo json
            return joined[1].removeprefix("=") or next(iter(words[place + 1 :]), "table")
    return preference("CSCTL_OUTPUT", os.environ, _env_file(words)) or "table"


def _env_file(words: list[str]) -> Path | None:
    for place, word in enumerate(words):
        if word == "--env-file" and place + 1 < len(words):
            return Path(words[place + 1])
        if word.startswith("--env-file="):
            return Path(word.partition("=")[2])
    return None


def _colour_wanted(words: list[str]) -> str:
    choice = colour.choice_in(words)
    return "never" if choice == "auto" and preference("NO_COLOR", os.environ, _env_file(words)) else choice


def help_hint(ctx: click.Context | None) -> str | None:
    return f"{ctx.command_path} --help" if ctx else None


def with_suggestion(problem: click.UsageError, word: str, known: Iterable[str]) -> click.UsageError:
    """The error, with the words that were perhaps meant."""
    return click.UsageError(f"There is no command {word!r}.{did_you_mean(word, known)}", ctx=problem.ctx)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question about the words that are like this one, to be put behind a sentence; empty if there are none."""
    close = difflib.get_close_matches(word, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""
