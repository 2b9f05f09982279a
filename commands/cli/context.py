"""What the root group hands to the command that runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import garbage

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.settings import Settings

    from .confined import Confinement


@dataclass
class Cli:
    """The options before the command. `options` are settings by the name of their variable."""

    env_file: Path | None = None
    options: dict[str, str | None] = field(default_factory=dict)
    confinement: Confinement | None = None

    def settings(self) -> Settings:
        """The settings from options, environment and files."""
        from csctl.settings import load

        return load(os.environ, options=self.options, env_file=self.env_file, confined=self.confinement is not None)

    def preference(self, name: str) -> str | None:
        """A setting that only concerns how results are printed: CSCTL_OUTPUT or NO_COLOR."""
        from csctl.settings import preference

        return os.environ.get(name) if self.confinement else preference(name, os.environ, self.env_file)

    @contextmanager
    def app(
        self, command: str, notice: Callable[[str], None], *, any_schema: bool = False, only_reads: bool = False
    ) -> Iterator[App]:
        """The App of an operator who may run `command`."""
        from csctl.bootstrap import start

        settings = self.settings()
        for warning in settings.warnings:
            notice(warning)
        app = start(settings, command, notice, any_schema=any_schema, only_reads=only_reads)
        garbage.collect_again()
        try:
            yield app
        finally:
            app.close()
