"""csctl completion: complete commands, options and values in the shell."""

from __future__ import annotations

import click

from .cli.context import Cli
from .cli.declare import Command
from .cli.output import Output

_SETUP = """\
\b
bash:
  mkdir -p ~/.local/share/bash-completion/completions
  csctl completion bash > ~/.local/share/bash-completion/completions/csctl
zsh:
  csctl completion zsh > ~/.csctl-completion.zsh
  echo 'source ~/.csctl-completion.zsh' >> ~/.zshrc
fish:
  mkdir -p ~/.config/fish/completions
  csctl completion fish > ~/.config/fish/completions/csctl.fish"""


@click.command(
    cls=Command,
    opens=False,
    examples=("csctl completion bash", "csctl completion zsh", "csctl completion fish"),
    help="Print the completion script for a shell. Completion never opens the database: product codes and runs come"
    f" from a small file in your cache directory, which commands on a terminal update.\n\n{_SETUP}",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(_cli: Cli, _out: Output, shell: str) -> None:
    from .cli.shells import script

    click.echo(script(shell, click.get_current_context().find_root().command))
