"""What parsing a command line found, kept in click's context for the command that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from csctl.domain.ids import Ref
    from csctl.services.runs.runs import Resumption

_KEY = "csctl.invocation"


@dataclass
class Target:
    """The records that a command is asked to change, as far as they are known before it begins.

    `count` is None where ids do not name them: a query or a file does.
    """

    noun: str = "record"
    count: int | None = None
    from_stdin: bool = False
    from_file: bool = False

    def read_from(self, file: Path | None, count: int) -> None:
        """Note that the lines of a file name the records; without one, the command line does."""
        self.count, self.from_file = count, file is not None
        self.from_stdin = self.from_stdin or str(file) == "-"


@dataclass
class Invocation:
    """One command line.

    `words` are the texts as given, by the name of the parameter. `refs` are the records that ids name, and
    `ids_parameter` the parameter that names them. `names` are all parameters that name records, with the prefix of
    their kind; `options` are those of them whose command gets a number, and `lines` the lines of standard input by the
    names on them. `comments` are lines that were left out and may be a shop's numbers, as `#1001`. `resumption` is what
    remains of the run that this command resumes.
    """

    words: Mapping[str, Any] = field(default_factory=dict)
    target: Target = field(default_factory=Target)
    refs: list[Ref] = field(default_factory=list)
    ids_parameter: str | None = None
    lines: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    options: set[str] = field(default_factory=set)
    comments: list[str] = field(default_factory=list)
    resumption: Resumption | None = None

    def left_out(self) -> str:
        """What to say of comments that may be a shop's numbers of orders; empty if there are none."""
        if not self.comments or self.target.noun != "order":
            return ""
        first, more = self.comments[0], ", …" if len(self.comments) > 1 else ""
        return f"Left out as comments: {first}{more}. To name the order {first}, write {first[1:]}."


def current(ctx: click.Context) -> Invocation:
    """The invocation that this context belongs to."""
    invocation = ctx.meta.setdefault(_KEY, Invocation())
    assert isinstance(invocation, Invocation)  # noqa: S101 - nothing else uses the key
    return invocation


def begin(ctx: click.Context, resumption: Resumption) -> None:
    """Give the context of a resumed command an invocation of its own: contexts share `meta` with their parents."""
    ctx.meta[_KEY] = Invocation(resumption=resumption)


class Recorder(click.Option):
    """An option that, beside its own value, keeps the texts of the whole command line.

    click hands the parsed texts to each parameter before it converts them. They are what a resumed run repeats:
    converted values cannot be turned back into what was typed.
    """

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        current(ctx).words = dict(opts)
        return super().handle_parse_result(ctx, opts, args)
