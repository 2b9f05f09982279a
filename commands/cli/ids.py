"""Ids of records: in arguments, in options, and on standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from csctl.domain import ids
from csctl.errors import Usage

from . import completion_cache, invocation


def ids_argument(prefix: str, name: str | None = None, *, required: bool = True) -> Callable[[Any], Any]:
    """One or more ids, or `-` to read them from stdin. The command gets a list of Ref, each record once."""
    return click.argument(
        name or "refs",
        metavar=f"{prefix.upper()}…" if required else f"[{prefix.upper()}…]",
        nargs=-1,
        required=required,
        callback=lambda ctx, param, words: _read_ids(ctx, param.name, prefix, words),
    )


def id_argument(prefix: str, name: str = "ref") -> Callable[[Any], Any]:
    """One id. The command gets a Ref."""
    return click.argument(
        name,
        metavar=prefix.upper(),
        callback=lambda ctx, param, word: _read_one(ctx, str(param.name), prefix, word),
        shell_complete=completion_cache.complete(prefix) if prefix == "run" else None,
    )


def id_option(prefix: str, flag: str, name: str | None = None, **attributes: Any) -> Callable[[Any], Any]:
    """An option that names a record. The command gets its number, or None; with `multiple` a tuple of numbers."""

    def read(ctx: click.Context, param: click.Parameter, given: Any) -> Any:
        this = invocation.current(ctx)
        this.names[str(param.name)] = prefix
        this.options.add(str(param.name))
        if given is None:
            return None
        if param.multiple:
            return tuple(_read_id(ctx, prefix, word) for word in given)
        return _read_id(ctx, prefix, given)

    return click.option(flag, *([name] if name else []), metavar=prefix.upper(), callback=read, **attributes)


def _read_one(ctx: click.Context, name: str, prefix: str, word: str) -> ids.Ref:
    invocation.current(ctx).names[name] = prefix
    return _read_id(ctx, prefix, word)


def _read_id(ctx: click.Context, prefix: str, word: str) -> ids.Ref:
    """The record that a word names. Raises Usage; for an id of another kind, with the command for that kind."""
    try:
        return ids.parse_or_name(prefix, word)
    except Usage as error:
        raise Usage(error.message, cause=error.cause, fix=_same_of_another_kind(ctx, word) or error.fix) from None


def _same_of_another_kind(ctx: click.Context, word: str) -> str | None:
    """The command of the same name for the kind of this id: `csctl order refund ord_1`."""
    root = ctx.find_root()
    prefix = word.strip().partition("_")[0]
    kind = None if prefix in ("pm", "his") else ids.PREFIXES.get(prefix)  # the group `customer` takes ids of customers
    _, here, *below = ctx.command_path.split()
    if kind is None or not isinstance(root.command, click.Group):
        return None
    words = [kind[1].split()[1], *below]
    found: click.Command | None = root.command
    for name in words:
        found = found.get_command(root, name) if isinstance(found, click.Group) else None
    return f"csctl {' '.join(words)} {word.strip()}" if found and words[0] != here else None


def _read_ids(ctx: click.Context, name: str, prefix: str, words: tuple[str, ...]) -> list[ids.Ref]:
    this = invocation.current(ctx)
    this.ids_parameter, this.target.noun = name, ids.PREFIXES[prefix][0]
    this.names[name] = prefix
    if words == ("-",) and this.resumption:
        found = [ids.parse_or_name(prefix, word) for word in this.resumption.given or ()]
    elif words == ("-",):
        this.target.from_stdin = True
        found = list(_ids_on_stdin(prefix, this))
    else:
        found = [_read_id(ctx, prefix, word) for word in words]
    first: dict[int | str, ids.Ref] = {}
    for ref in found:
        first.setdefault(ref.id or ref.given, ref)
    this.refs = list(first.values())
    this.target.count = len(this.refs)
    return this.refs


def _ids_on_stdin(prefix: str, this: invocation.Invocation) -> Iterator[ids.Ref]:
    import json

    noun = this.target.noun

    if sys.stdin.isatty():
        raise Usage(f"- reads {noun} ids from standard input, which is a terminal", fix="pipe ids in, or name them")
    import csctl.bootstrap  # noqa: F401 - slow to import: done while the other side of the pipe writes

    for number, line in enumerate(sys.stdin, start=1):
        word = line.strip()
        if not word or word.startswith("#"):
            this.comments += [word] if word[1:].isdecimal() else []
            continue
        if word.startswith("["):
            raise Usage(
                f"line {number} of standard input begins a JSON array; an id is expected",
                fix="write one record on each line: -o name, or -o jsonl",
            )
        try:
            if word.startswith("{"):
                word = str(json.loads(word)["id"])
            ref = ids.parse_or_name(prefix, word)
        except Usage as error:
            raise Usage(f"line {number} of standard input: {error.message}", cause=error.cause, fix=error.fix) from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Usage(
                f"line {number} of standard input is not an id", fix='one id on each line, or JSON objects with "id"'
            ) from None
        this.lines.setdefault(ref.given, number)
        yield ref
