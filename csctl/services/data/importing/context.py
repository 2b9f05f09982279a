"""What the modules of all kinds share: how a record is found again, compared, and changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.errors import Conflict, Usage
from csctl.gateways.tokens import TokenForm
from csctl.models.columns import Base
from csctl.services.data.importing.cells import Cells
from csctl.services.shared.chunks import among
from csctl.services.shared.exported_ids import own_number

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound=Base)
Value = TypeVar("Value")
Said = TypeVar("Said", bound="DataclassInstance")
# Values by column, of a record of any kind: `merge` and drafts take them. What reads one of them takes a class.
Columns = Mapping[str, object]
_SHOWN = 3


class RowOutcome(Enum):
    """The outcome of a row. A record that `differs` is unchanged, because --update was not given."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DIFFERS = "differs"
    SKIPPED = "skipped"


class Missing(Usage):
    """A row refers to a record that is not here, by its kind and key."""

    def __init__(self, field: str, noun: str, kind: str, key: str) -> None:
        fix = f"import it first: csctl data import {kind} FILE; if that rejected it, correct its row there first"
        super().__init__(f"{field}: there is no {noun} {key!r}", fix=fix)
        self.kind, self.key = kind, key


class NotYet(Usage):
    """A row refers to a record that is not here; it may come further down in the file."""


class MissingParent(Missing, NotYet):
    """The same of the charge that a row belongs to."""


@dataclass
class Warnings:
    """What a person should know of rows that went in. Of each kind a few are shown."""

    counts: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, example: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
        if len(shown := self.shown.setdefault(what, [])) < _SHOWN:
            shown.append(example)

    def extend(self, other: Warnings) -> None:
        for what, number in other.counts.items():
            self.counts[what] = self.counts.get(what, 0) + number
            self.shown[what] = [*self.shown.get(what, []), *other.shown[what]][:_SHOWN]

    def lines(self) -> Iterable[str]:
        for what, number in self.counts.items():
            more = ", …" if number > _SHOWN else ""
            yield f"{number:,} {what}: {', '.join(self.shown[what])}{more}"


@dataclass
class Context:
    """What an import knows: the time (UTC), the shop's zone and country, whether it may update, this database's mark
    (`mark_of`), and how the tokens of the gateway accounts are written.
    """

    now: datetime
    zone: tzinfo
    country: str | None
    update: bool
    mark: str
    dry_run: bool = False
    previous: str | None = None  # the mapping of the file that brings what this one refers to
    tokens: Mapping[str, TokenForm] = field(default_factory=dict)
    warnings: Warnings = field(default_factory=Warnings)
    rejected: dict[tuple[str, str], int] = field(default_factory=dict)  # the line by kind and key, of the first ones


class Importer(Protocol):
    """How rows of one kind become records. One is made for each batch."""

    def __init__(self, session: Session, context: Context) -> None: ...

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        """Look up what the rows name, in a number of queries that does not depend on how many they are.

        Returns the rows in the order in which they go in.
        """

    def put(self, row: Cells) -> RowOutcome:
        """Make or change a record. Raises CsctlError, having changed nothing."""

    def record(self, key: str) -> Any | None:
        """The record with this key, as it is or would be stored."""

    def finish(self) -> None:
        """What follows once all rows are in."""


def find(
    session: Session, model: type[Record], prefix: str, names: Iterable[str | None], mark: str, *, lock: bool = False
) -> dict[str, Record]:
    """Records by external id, or by the id that an export of this database gave them.

    With `lock` they are held until the transaction ends, the lowest id first.
    """
    rows = _named(session, model, [model], names=names, prefix=prefix, mark=mark, lock=lock)
    return {name: row[0] for name, row in rows}


def find_columns(
    session: Session,
    model: type[Base],
    prefix: str,
    names: Iterable[str | None],
    mark: str,
    columns: Iterable[str],
    *,
    lock: bool = False,
) -> dict[str, list[Any]]:
    """The values of these columns by external id, as `find` finds the records."""
    wanted = [getattr(model, column) for column in columns]
    return dict(_named(session, model, wanted, names=names, prefix=prefix, mark=mark, lock=lock))


def _named(
    session: Session, model: Any, wanted: list[Any], *, names: Iterable[str | None], prefix: str, mark: str, lock: bool
) -> Iterator[tuple[str, list[Any]]]:
    given = {name for name in names if name}
    own = {number: name for name in given if (number := own_number(name, prefix, mark)) is not None}
    for condition, known in (
        (among(session, model.id, own) & model.external_id.is_(None), own),
        (among(session, model.external_id, given), given),
    ):
        if known:
            statement = select(*wanted, model.id, model.external_id).where(condition).order_by(model.id)
            for *row, number, name in session.execute(statement.with_for_update(key_share=True) if lock else statement):
                yield name or own[number], row


def referred(found: Mapping[str, Value], row: Cells, name: str, noun: str, kind: str) -> Value | None:
    """The record that a field names. Raises Usage if there is none."""
    text = row.text(name)
    if text is None:
        return None
    if text not in found:
        raise (MissingParent if name == "parent" else Missing)(name, noun, kind, text)
    return found[text]


def given(**values: object) -> Columns:
    """The values that are not None: a field that is not given changes nothing."""
    return {name: value for name, value in values.items() if value is not None}


def after(said: Said, record: Base | None) -> Said:
    """What a row says, and what is on record where it says nothing."""
    if record is None:
        return said
    return replace(said, **{name: getattr(record, name) for name, value in vars(said).items() if value is None})


def merge(record: Base, values: Columns, context: Context, *, fixed: Columns | None = None) -> RowOutcome:
    """Bring an existing record to these values, if that was asked for.

    Raises Conflict if something `fixed` is another one: it stays what it was when the record was made. That holds
    without --update too: a refund that passes for the sale on record would be lost, and could be paid again.
    """
    changed = {name: value for name, value in values.items() if not _same(getattr(record, name), value)}
    fixed = {name: value for name, value in (fixed or {}).items() if getattr(record, name) != value}
    if not changed and not fixed:
        return RowOutcome.UNCHANGED
    if fixed:
        name = next(iter(fixed)).removesuffix("_id")
        if name == "gateway":
            raise Conflict(
                f"gateway: it is on record at the account {record.gateway}",  # type: ignore[attr-defined]
                cause="an account has one name in csctl, whichever source a record comes from",
                fix=f"--map gateway:={record.gateway}; from an API: --account {record.gateway}",  # type: ignore[attr-defined]
            )
        raise Conflict(
            f"{name}: it cannot be changed",
            cause="another one is on record under this external_id",
            fix="give what the file has an external_id of its own; if more was refunded since, the difference",
        )
    if not context.update:
        return RowOutcome.DIFFERS
    for name, value in changed.items():
        setattr(record, name, value)
    return RowOutcome.UPDATED


def _same(one: object, other: object) -> bool:
    """Times are shown, and so exported, to the second."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.replace(microsecond=0) == other.replace(microsecond=0)
    return bool(one == other)
