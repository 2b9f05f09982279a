"""Looking up the records that a command line names, once the database is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.errors import Conflict, NotFound, Usage

from .invocation import Invocation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from csctl.app import App


def look_up(app: App, ctx: click.Context, this: Invocation, *, filters: bool) -> None:
    """Give every record that the command line names its id, in `ctx.params`.

    Options become numbers. With `filters` their records have to exist: a list by a customer who does not exist is not
    an empty one. Raises NotFound, or Conflict for a name that several records have.
    """
    given = {name: prefix for name, prefix in this.names.items() if ctx.params.get(name)}
    if not given:
        return
    with app.read() as session:
        for name, prefix in given.items():
            value = ctx.params[name]
            if name in this.options:
                ctx.params[name] = _numbers(session, prefix, value, check=filters)
            elif isinstance(value, Ref):
                ctx.params[name] = _resolved(session, prefix, [value])[0]
            else:
                ctx.params[name] = _once(_listed(session, prefix, value, this.lines))
                if name == this.ids_parameter:
                    this.refs = ctx.params[name]
                    this.target.count = len(this.refs)


def _listed(session: Session, prefix: str, refs: Iterable[Ref], lines: Mapping[str, int]) -> list[Ref]:
    """The records of a list. A name on standard input that names nothing is a bad line, reported with its number."""
    try:
        return _resolved(session, prefix, refs)
    except (NotFound, Conflict) as error:
        if error.given is None or error.given not in lines:
            raise
        line = f"line {lines[error.given]} of standard input"
        raise Usage(f"{line}: {error.message}", cause=error.cause, fix=error.fix) from None


def without_database(ctx: click.Context, this: Invocation) -> None:
    """The same for a command that opens no database: ids alone."""
    for name in this.options:
        value = ctx.params.get(name)
        if isinstance(value, Ref):
            ctx.params[name] = value.id


def _numbers(session: Session, prefix: str, value: Any, *, check: bool) -> Any:
    from csctl.services.shared import naming

    several = not isinstance(value, Ref)
    numbers = [ref.id for ref in _resolved(session, prefix, value if several else [value])]
    if check:
        naming.existing(session, prefix, numbers)
    return tuple(numbers) if several else numbers[0]


def _resolved(session: Session, prefix: str, refs: Iterable[Ref]) -> list[Ref]:
    from csctl.services.shared import naming

    return naming.resolve(session, prefix, list(refs))


def _once(refs: Iterable[Ref]) -> list[Ref]:
    """Each record once, whatever it was named by."""
    first: dict[int, Ref] = {}
    for ref in refs:
        first.setdefault(ref.id, ref)
    return list(first.values())
