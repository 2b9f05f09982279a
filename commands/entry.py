"""The entry point: runs a command line, and turns what went wrong into an exit code."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
from collections.abc import Sequence

import click

from csctl import interrupts
from csctl.domain.text import LONGEST
from csctl.errors import CsctlError, Usage

from .cli import errors, garbage, root_options, streams, suggest
from .root import COMMANDS, root


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit as the contract says (`csctl help exit-codes`)."""
    garbage.ignore()
    words = list(sys.argv[1:] if args is None else args)
    code = run(words)
    gc.freeze()  # nor when it exits
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run one command line. Returns its exit code."""
    with streams.guarded(), interrupts.heeded():
        try:
            return _run(words)
        except interrupts.Stopped as stop:
            return errors.report_interrupt(stop.number)


def _run(words: list[str]) -> int:
    try:
        _require_text(words)
        root_options.note(words, COMMANDS)
        if "_CSCTL_COMPLETE" in os.environ:
            from .cli import shells

            shells.register()
        width = streams.help_width()
        result = root.main(args=words, prog_name="csctl", standalone_mode=False, terminal_width=width)
        streams.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as no_args:
        click.echo(no_args.format_message())
        return 0
    except click.ClickException as error:
        return errors.report(_usage(error, words), words)
    except (KeyboardInterrupt, click.Abort):
        return errors.report_interrupt(signal.SIGINT)
    except errors.Ended as end:
        return errors.report_end(end)
    except streams.OutputLost as lost:
        return errors.report_lost_output(lost, words)
    except Exception as problem:
        return _report(problem, words)


def _usage(error: click.ClickException, words: list[str]) -> Usage:
    """click's error about the command line in csctl's form: on one line, with a fix."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    if isinstance(error, click.NoSuchOption) and (place := suggest.misplaced_option(error, words)):
        return Usage(f"{error.option_name} is not an option of {error.ctx and error.ctx.command_path}", fix=place)
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return Usage(message, fix=errors.help_hint(ctx) or f"{_command_in(words)} --help")


def _command_in(words: list[str]) -> str:
    """The command of a command line that click could not parse: its words before the first option."""
    return " ".join(["csctl", *itertools.takewhile(lambda word: not word.startswith("-"), words)])


def _report(problem: Exception, words: list[str]) -> int:
    if isinstance(problem, UnicodeDecodeError):
        problem = Usage("the input is not UTF-8", fix="iconv -f WINDOWS-1252 -t UTF-8")
    elif isinstance(problem, OSError) and problem.filename is not None:
        problem = Usage(
            f"cannot use {str(problem.filename)[:200]}",
            cause=problem.strerror,
            fix="name a file in a folder that exists and is yours",
        )
    return errors.report(problem, words) if isinstance(problem, CsctlError) else errors.report_bug(problem, words)


def _require_text(words: list[str]) -> None:
    """Raises Usage for a word with NUL or bytes that are not UTF-8 (lone surrogates in Python), or one that is longer
    than any field.
    """
    for word in words:
        if "\0" in word or (not word.isascii() and any("\ud800" <= char <= "\udfff" for char in word)):
            raise Usage(f"{word[:40]!r} is not valid text", cause="it contains NUL, or bytes that are not UTF-8")
        if len(word) > LONGEST:
            raise Usage(
                f"{word[:40]!r}… is too long", cause=f"it has {len(word):,} characters; the limit is {LONGEST:,}"
            )
