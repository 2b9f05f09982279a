"""A bar on stderr for work that takes its time, where somebody sees it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .output import Output

_PATIENCE = 2.0  # seconds of silence that nobody minds
_PAUSE = 0.1  # between two drawings
_WIDTH = 30


class Progress:
    """How many of `total` records are through; of how many is None where nobody knows."""

    def __init__(self, out: Output, total: int | None) -> None:
        self._total, self._done = total or None, 0
        self._begun = self._drawn = time.monotonic()
        self._shown = False
        streamed = sys.stdout.isatty() and out.output != "table"  # the records themselves are seen to go by
        dumb = os.environ.get("TERM") == "dumb"
        self._wanted = sys.stderr.isatty() and not (out.quiet or streamed or dumb)

    def step(self) -> None:
        """One more is through."""
        self._done += 1
        now = time.monotonic()
        if self._wanted and now - self._begun > _PATIENCE and now - self._drawn > _PAUSE:
            self._drawn = now
            self._draw(self._text(now - self._begun))

    def clear(self) -> None:
        """It is through, or something else is said."""
        if self._shown:
            self._draw("")
            self._shown = False

    def _text(self, seconds: float) -> str:
        if self._total is None:
            return f"{self._done:,} records"
        share = min(self._done / self._total, 1)
        bar = "#" * int(share * _WIDTH)
        left = int(seconds / self._done * (self._total - self._done))
        return f"[{bar:<{_WIDTH}}] {self._done:,} of {self._total:,}, {left // 60}:{left % 60:02} left"

    def _draw(self, text: str) -> None:
        self._shown = True
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{text[:width]}", err=True, nl=False, color=True)
