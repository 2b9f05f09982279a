"""The one way to change several records: each in a transaction of its own, none stopping the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from csctl import interrupts
from csctl.errors import Conflict, CsctlError, NotPermitted, RightsLost
from csctl.journal import Entry
from csctl.models.columns import Base
from csctl.results import Result
from csctl.services.shared import access, damage, listing
from csctl.unreadable import UNREADABLE

if TYPE_CHECKING:
    from csctl.app import App


class Named(Protocol):
    """An item to change, and the words that named it: an `ids.Ref`, a line of a file."""

    @property
    def given(self) -> str: ...


@dataclass(frozen=True)
class Word:
    """An item with a name and no id: an operator, a setting, an address."""

    given: str


Item = TypeVar("Item", bound=Named)
Record = TypeVar("Record", bound=Base)


def each(
    app: App,
    items: Iterable[Item],
    change: Callable[[Session, Item], Result],
    *,
    dry_run: bool = False,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """Change each item, and yield its outcome once it is committed.

    `change` locks its record (`locked`), checks, changes, writes history and audit row, and returns the Result; it
    calls no gateway. A CsctlError that it raises undoes this item alone and becomes a refused Result; one for lack of
    rights is recorded in the audit log. A dry run does the same work, lets the database check it, and rolls it back.
    With `fail_fast`, nothing is begun after the first Result with an error; nor is anything after SIGINT or SIGTERM.
    """
    for item in items:
        if interrupts.asked():
            return
        if (name := app.journal.enter(item.given)) is None:
            continue
        if (result := _one(app, item, name, change, dry_run=dry_run)) is None:
            return
        yield result
        if fail_fast and not result.ok:
            return


def _one(app: App, item: Item, name: str, change: Callable[[Session, Item], Result], *, dry_run: bool) -> Result | None:
    """Change one item. None, without a change, if another process has resumed the run."""
    kept = False
    try:
        with app.write(dry_run=dry_run, target=item.given) as session:
            if not app.journal.hold(session):
                return None
            access.look_again(session, app)
            result = change(session, item)
            if not dry_run:
                session.flush()  # a refusal of the database is not a change that the journal may record
                app.journal.note(session, [Entry(name, [result])])
        kept = not dry_run
    except StaleDataError:
        result = Result.refused(item.given, Conflict("another process changed it at the same time", fix="look again"))
    except IntegrityError as error:
        result = Result.refused(item.given, damage.refused_by_database(error))
    except RightsLost as error:
        app.note_refusal(app, error, item.given)
        raise
    except UNREADABLE as error:
        result = Result.refused(item.given, damage.damaged(item.given, error))
    except CsctlError as error:
        result = Result.refused(item.given, error)
        if isinstance(error, NotPermitted) and not error.noted and not dry_run:
            app.note_refusal(app, error, item.given)
    if not kept and not dry_run:
        app.journal.later(Entry(name, [result]))
    return result.as_dry_run() if dry_run else result


def locked(session: Session, model: type[Record], prefix: str, number: int) -> Record:
    """The current record, locked until the transaction ends. Raises NotFound.

    Take locks in one order everywhere: the order before its purchases, transactions and fulfillments; of several of a
    kind, the lowest id first.
    """
    # Against others who change it; rows that refer to it, such as history, may be added at the same time.
    record = session.get(model, number, with_for_update={"key_share": True}, populate_existing=True)
    if record is None:
        raise listing.not_there(prefix, number)
    return record
