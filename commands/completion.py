"""csctl completion: complete commands, options and values in the shell."""

from __future__ import annotations

import click

from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

_SETUP = """\
\b
bash: csctl completion bash > ~/.local/share/bash-completion/completions/csctl
zsh:  csctl completion zsh > "${fpath[1]}/_csctl"
fish: csctl completion fish > ~/.config/fish/completions/csctl.fish"""


@click.command(
    cls=Command,
    opens=False,
    examples=("csctl completion bash", "csctl completion zsh", "csctl completion fish"),
    help=f"Print the completion script for a shell. Completion never opens the database.\n\n{_SETUP}",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(_cli: Cli, _out: Output, shell: str) -> None:
    from click.shell_completion import get_completion_class

    generator = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    assert generator is not None  # noqa: S101 - click knows these three
    click.echo(generator(root, {}, "csctl", "_CSCTL_COMPLETE").source())
