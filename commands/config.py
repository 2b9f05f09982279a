"""csctl config: show the configuration."""

from __future__ import annotations

from .cli.context import Cli
from .cli.declare import group
from .cli.output import Output

config = group("config", "Show the configuration.")


@config.command(
    fields=("name", "value", "origin"), opens=False, examples=("csctl config show", "csctl config show -o json")
)
def show(cli: Cli, out: Output) -> None:
    """Show each setting of the environment and its origin. Secrets are masked."""
    out.rows(cli.settings().rows())
