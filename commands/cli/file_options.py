"""Options that say how a file of records is written, and what its columns are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from csctl.tabular.options import FORMATS, ColumnOptions, FileOptions, delimiter

from .confined import InputFile


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format, --encoding, --delimiter, --skip-lines and --items. The command gets them as FileOptions, `form`."""
    option = _collected("form", FileOptions)
    options = (
        option("--format", type=click.Choice(FORMATS), help="Format of the file [default: by its name, else csv]."),
        option("--encoding", metavar="NAME", help="Encoding of the file, such as cp1252 [default: utf-8]."),
        option("--delimiter", metavar="CHAR", help="Character between the cells of a CSV file, or tab [default: ,]."),
        option("--skip-lines", type=click.IntRange(min=0), metavar="N", help="Lines above the header of a CSV file."),
        option("--items", metavar="PATH", help="Path to the rows in a JSON file, such as data.list."),
    )
    return _with(options, command)


def mapping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--map, --mapping, --from and --decimal. The command gets them as ColumnOptions, `columns`."""
    option = _collected("columns", ColumnOptions)
    options = (
        option(
            "--map",
            "maps",
            metavar="FIELD=COLUMN",
            multiple=True,
            help="Column of a field; FIELD:=VALUE sets a constant. May be repeated.",
        ),
        option("--mapping", type=InputFile(), help="TOML file that says what the columns are. --map overrides it."),
        option("--from", "named", metavar="NAME", help="Mapping that comes with csctl (csctl data mapping list)."),
        option(
            "--decimal", type=click.Choice([".", ","]), help="Decimal sign of amounts [default: ., and no thousands]."
        ),
    )
    return _with(options, command)


def _collected(name: str, kind: type[FileOptions | ColumnOptions]) -> Callable[..., Any]:
    """Makes options whose values the command gets together, as one object of this kind."""

    def collect(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        said = ctx.meta.setdefault(f"{__name__}.{name}", {})
        if value is not None:
            said[param.name] = delimiter(value) if param.name == "delimiter" else value
        ctx.params[name] = kind(**said)

    return partial(click.option, callback=collect, expose_value=False)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
