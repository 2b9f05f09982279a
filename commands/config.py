"""csctl config: where csctl finds things."""

from __future__ import annotations

from .cli.context import Cli
from .cli.declare import group
from .cli.output import Output

config = group("config", "Where csctl finds things.")


@config.command(
    fields=("name", "value", "origin"), opens=False, examples=("csctl config show", "csctl config show -o json")
)
def show(cli: Cli, out: Output) -> None:
    """Every value from the environment, and where it came from. Secrets are masked."""
    out.rows(cli.settings().rows())
