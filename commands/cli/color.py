"""When output is colored: on a terminal, unless NO_COLOR, TERM or --color decide otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

CHOICES = ("auto", "always", "never")


def wanted(choice: str, *, on_stderr: bool = False) -> bool:
    """Whether to color what is printed on stdout, or on stderr."""
    if choice != "auto":
        return choice == "always"
    stream = sys.stderr if on_stderr else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def choice_in(words: Sequence[str]) -> str:
    """The value of --color on a command line that may be invalid."""
    for place, word in enumerate(words):
        given = words[place + 1] if word == "--color" and place + 1 < len(words) else None
        given = word.partition("=")[2] if word.startswith("--color=") else given
        if given in CHOICES:
            return given
    return "auto"


def bold(text: str, *, enabled: bool) -> str:
    return click.style(text, bold=True) if enabled else text


def label(text: str, *, bad: bool, enabled: bool) -> str:
    """The mark before an error, its cause or its fix."""
    return click.style(text, fg="red" if bad else "cyan", bold=True) if enabled else text
