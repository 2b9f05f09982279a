"""The commands and their options as a file lists them, so that completing their names imports none of them.

`python docs/generate.py` writes the file from the commands.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import click

FILE = Path(__file__).with_name("outline.json")
_Listed = dict[str, Any]
_FLAGS = ("multiple", "hidden")


class ValueWanted(Exception):
    """The word to complete is the value of an option or an argument: the command itself has to be asked."""


def text(root: click.Command) -> str:
    """The content of the file, with a line for each command."""
    listed = _of(root, click.Context(root, info_name="csctl"))
    return (
        json.dumps(listed, ensure_ascii=False, separators=(",", ":")).replace('{"help":', '\n{"help":').lstrip() + "\n"
    )


def read() -> click.Group:
    """The root group with commands that have names, options and short help texts, and do nothing."""
    return _Group("csctl", json.loads(FILE.read_text(encoding="utf-8")))


def _of(command: click.Command, ctx: click.Context) -> _Listed:
    listed: _Listed = {"help": command.get_short_help_str(), "params": list(map(_parameter, command.get_params(ctx)))}
    if isinstance(command, click.Group):
        below = {name: command.get_command(ctx, name) for name in command.list_commands(ctx)}
        listed["commands"] = {
            name: _of(found, click.Context(found, info_name=name, parent=ctx)) for name, found in below.items() if found
        }
    return listed


def _parameter(param: click.Parameter) -> _Listed:
    if not isinstance(param, click.Option):
        return {"nargs": param.nargs}
    takes_value = {} if param.is_flag else {"nargs": param.nargs}
    flags = {name: True for name in _FLAGS if getattr(param, name)}
    return {"options": param.opts, "help": param.help, **takes_value, **flags}


class _Option(click.Option):
    def shell_complete(self, ctx: click.Context, incomplete: str) -> NoReturn:
        raise ValueWanted


class _Argument(click.Argument):
    def shell_complete(self, ctx: click.Context, incomplete: str) -> NoReturn:
        raise ValueWanted


def _parameters(listed: _Listed) -> list[click.Parameter]:
    made: list[click.Parameter] = []
    for number, param in enumerate(listed["params"]):
        name = f"param{number}"
        if "options" not in param:
            made.append(_Argument([name], nargs=param["nargs"]))
            continue
        how = {"nargs": param["nargs"]} if "nargs" in param else {"is_flag": True}
        how |= {flag: True for flag in _FLAGS if flag in param}
        made.append(_Option([name, *param["options"]], help=param["help"], **how))
    return made


class _Command(click.Command):
    def __init__(self, name: str, listed: _Listed) -> None:
        super().__init__(name, short_help=listed["help"])
        self.listed = listed

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Made when they are needed: a group lists its commands without them."""
        self.params = self.params or _parameters(self.listed)
        return self.params


class _Group(_Command, click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.listed["commands"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        below = self.listed["commands"].get(cmd_name)
        return below and (_Group if "commands" in below else _Command)(cmd_name, below)
