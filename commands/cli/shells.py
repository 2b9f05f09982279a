"""Completion scripts for the shells: click's own, with what they lack."""

from __future__ import annotations

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from . import outline


class _Outlined(ShellComplete):
    """Completes names of commands and options from the outline. Only for a value, the command is imported."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        try:
            return ShellComplete(outline.read(), {}, "csctl", "").get_completions(args, incomplete)
        except outline.ValueWanted:
            return super().get_completions(args, incomplete)


class Bash(_Outlined, BashComplete):
    """As click has it."""


class Zsh(_Outlined, ZshComplete):
    """Loads zsh's completion system where the user's configuration has not."""

    source_template = ZshComplete.source_template.replace(
        "    compdef ", "    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n    compdef "
    )


class Fish(_Outlined, FishComplete):
    """Splits type and value at the first comma only: values such as `id,name` contain commas themselves."""

    source_template = FishComplete.source_template.replace('string split "," ', 'string split --max 1 "," ')


def register() -> None:
    """Let click use these classes."""
    for shell in (Bash, Zsh, Fish):
        add_completion_class(shell)


def script(shell: str, root: object) -> str:
    """The completion script of csctl for bash, zsh or fish."""
    register()
    kind: type[ShellComplete] | None = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows these shells
    return kind(root, {}, "csctl", "_CSCTL_COMPLETE").source()  # type: ignore[arg-type]
