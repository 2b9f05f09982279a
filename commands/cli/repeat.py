"""The words that repeat a command line, for a run that is resumed."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from . import common_options, invocation

_NOT_TYPED = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP, ParameterSource.ENVIRONMENT)


def arguments(command: click.Command, ctx: click.Context) -> list[str]:
    """The words of this command line, with `-` for the ids, and without the options that decide how to print."""
    return _words(command, ctx, left_out=common_options.NAMES)


def printing_options(ctx: click.Context) -> list[str]:
    """The words of this command line that decide how to ask and to print."""
    others = [param.name for param in ctx.command.params if param.name not in common_options.NAMES]
    return _words(ctx.command, ctx, left_out=others)


def _words(command: click.Command, ctx: click.Context, *, left_out: Container[str | None]) -> list[str]:
    typed = invocation.current(ctx)
    words: list[str] = []
    for param in command.params:
        name = str(param.name)
        if name in left_out or name not in typed.words or ctx.get_parameter_source(name) in _NOT_TYPED:
            continue
        values = typed.words[name]
        if isinstance(param, click.Option):
            words += [_option(param, value) for value in (values if param.multiple else [values])]
        elif name == typed.ids_parameter:
            words.append("-")
        else:
            words += values if isinstance(values, tuple) else [values]
    return words


def _option(option: click.Option, value: Any) -> str:
    if option.is_flag:
        names = option.opts if value is not False or not option.secondary_opts else option.secondary_opts
        return max(names, key=len)
    if isinstance(option.type, click.Path) and str(value) != "-":
        value = Path(value).absolute()  # the run may be resumed from another folder
    return f"{max(option.opts, key=len)}={value}"
