"""A progress bar on stderr for work of more than two seconds, on a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

from csctl.domain.plurals import counted

if TYPE_CHECKING:
    from .output import Output

_DELAY = 2.0  # seconds before the bar appears
_INTERVAL = 0.1  # seconds between two drawings
_WIDTH = 30


class Progress:
    """How many of `total` records are done. `total` is None where it is not known."""

    def __init__(self, out: Output, total: int | None) -> None:
        self._total, self._done = total or None, 0
        self._begun = self._drawn = time.monotonic()
        self._shown = False
        streamed = sys.stdout.isatty() and out.output not in (
            "table",
            "wide",
        )  # the records themselves show the progress
        dumb = os.environ.get("TERM") == "dumb"
        self._wanted = sys.stderr.isatty() and not (out.quiet or streamed or dumb)

    def step(self) -> None:
        """Count one more record."""
        self._done += 1
        now = time.monotonic()
        if self._wanted and now - self._begun > _DELAY and now - self._drawn > _INTERVAL:
            self._drawn = now
            self._draw(self._text(now - self._begun))

    def clear(self) -> None:
        """Remove the bar, at the end or before other output."""
        if self._shown:
            self._draw("")
            self._shown = False

    def _text(self, seconds: float) -> str:
        if self._total is None:
            return counted(self._done, "record")
        share = min(self._done / self._total, 1)
        bar = "#" * int(share * _WIDTH)
        left = int(seconds / self._done * (self._total - self._done))
        return f"[{bar:<{_WIDTH}}] {self._done:,} of {self._total:,}, {left // 60}:{left % 60:02} remaining"

    def _draw(self, text: str) -> None:
        self._shown = True
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{text[:width]}", err=True, nl=False, color=True)
