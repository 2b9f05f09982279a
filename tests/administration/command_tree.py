"""Every command of csctl, from click's own tree, and a command line for each that parses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

from csctl.domain.ids import PREFIXES
from tests.running import entry_point

_BY_METAVAR = {
    "EMAIL": "nobody@example.com",
    "DATE": "2030-01-31",
    "TIME": "2026-03-01",
    "IP": "203.0.113.7",
    "PRICE": "price-1",
    "ROOT": "0" * 64,
    "N": "1",
}
_BY_NAME = {"unit_price": "1.00", "amount": "1.00", "quantity": "1", "status": "complete"}
_COMMON = {"output", "fields", "quiet", "debug", "color", "dry_run", "yes", "help", "all"}


@dataclass(frozen=True)
class Leaf:
    """One command: its words (`txn refund`), and what click knows of it."""

    path: str
    command: click.Command

    @property
    def params(self) -> list[click.Parameter]:
        """What it takes besides what all commands take."""
        return [param for param in self.command.params if param.name not in _COMMON]

    @property
    def texts(self) -> list[click.Parameter]:
        """The arguments and options in which any text can be typed."""
        return [param for param in self.params if isinstance(param.type, (click.types.StringParamType, click.Path))]

    def words(self, given: Mapping[str, str] | None = None, ids: Mapping[str, str] | None = None) -> list[str]:
        """A command line with what is required, and what is `given` by the name of its parameter.

        Ids are those of no record, or by their prefix from `ids`.
        """
        given = given or {}
        options, arguments = [], []
        for param in self.params:
            if not (param.required or param.name in given):
                continue
            value = given.get(str(param.name)) or _sample(param, ids or {})
            if isinstance(param, click.Argument):
                arguments.append(value)
            else:
                options.append(f"{max(param.opts, key=len)}={value}")
        flags = [word for word, name in (("--yes", "yes"),) if any(p.name == name for p in self.command.params)]
        return [*self.path.split(), *flags, *options, *(["--"] if arguments else []), *arguments]


def _sample(param: click.Parameter, ids: Mapping[str, str]) -> str:
    """A value that parses."""
    if isinstance(param.type, click.Choice):
        return str(next(iter(param.type.choices)))
    metavar = (param.metavar or "").strip("[]…").upper()
    if metavar.lower() in PREFIXES:
        return ids.get(metavar.lower(), f"{metavar.lower()}_999999")
    return _BY_METAVAR.get(metavar) or _BY_NAME.get(str(param.name)) or "1"


def leaves() -> Iterator[Leaf]:
    """All commands, groups opened."""
    root = entry_point().__globals__["root"]
    context = click.Context(root, info_name="csctl")
    for name in root.list_commands(context):
        yield from _below(name, root.get_command(context, name))


def _below(path: str, command: click.Command) -> Iterator[Leaf]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _below(f"{path} {name}", below)
    else:
        yield Leaf(path, command)
