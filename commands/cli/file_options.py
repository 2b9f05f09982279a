"""Options that say how a file of records is written, and what its columns are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from csctl.tabular.options import FORMATS, FileOptions, delimiter

from .confined import InputFile


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format, --encoding, --delimiter, --skip-lines and --items. The command gets them as FileOptions, `form`."""

    def collect(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        said = ctx.meta.setdefault(__name__, {})
        if value is not None:
            said[param.name] = delimiter(value) if param.name == "delimiter" else value
        ctx.params["form"] = FileOptions(**said)

    def option(flag: str, **attributes: Any) -> Callable[[Any], Any]:
        return click.option(flag, callback=collect, expose_value=False, **attributes)

    options = (
        option("--format", type=click.Choice(FORMATS), help="Format of the file [default: by its name, else csv]."),
        option("--encoding", metavar="NAME", help="Encoding of the file, such as cp1252 [default: utf-8]."),
        option("--delimiter", metavar="CHAR", help="Character between the cells of a CSV file, or tab [default: ,]."),
        option("--skip-lines", type=click.IntRange(min=0), metavar="N", help="Lines above the header of a CSV file."),
        option("--items", metavar="PATH", help="Path to the rows in a JSON file, such as data.list."),
    )
    for one in reversed(options):
        command = one(command)
    return command


def mapping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--map, --mapping, --from (`named`) and --decimal: which column is which field."""
    options = (
        click.option(
            "--map",
            "maps",
            metavar="FIELD=COLUMN",
            multiple=True,
            help="Column of a field; FIELD:=VALUE sets a constant. May be repeated.",
        ),
        click.option(
            "--mapping", type=InputFile(), help="TOML file that says what the columns are. --map overrides it."
        ),
        click.option(
            "--from", "named", metavar="NAME", help="Mapping that comes with csctl (csctl data mapping list)."
        ),
        click.option(
            "--decimal", type=click.Choice([".", ","]), help="Decimal sign of amounts [default: ., and no thousands]."
        ),
    )
    for one in reversed(options):
        command = one(command)
    return command
