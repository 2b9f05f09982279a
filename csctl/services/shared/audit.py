"""The audit log: who changed what, and who was refused. Written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.operators import Actor
from csctl.domain.outcomes import Outcome
from csctl.errors import NotFound, NotPermitted
from csctl.models import AuditRow, Operator
from csctl.results import Limit, Page, Row
from csctl.services.shared import added, listing

if TYPE_CHECKING:
    from csctl.app import App


def write(session: Session, app: App, outcome: Outcome, *, target: str | None = None, **changes: Any) -> None:
    """Write one row for one change. `changes` holds amounts, states and dates (before and after) and the names of
    changed personal fields, never their values, and no secrets.
    """
    added.put(
        session,
        AuditRow,
        at=app.clock.now(),
        operator_id=app.operator.id if app.operator else None,
        operator=app.operator.name if app.operator else None,
        command=app.command,
        target=target,
        changes=changes,
        outcome=outcome,
    )


def given(reason: str | None) -> str | None:
    """The word for a reason that was given. The audit log is permanent, and a reason may name a person: it is stored
    elsewhere.
    """
    return "given" if reason else None


def refused(session: Session, app: App, error: NotPermitted, given: str | None = None) -> None:
    """Write a row for a refusal for lack of rights, about the record that the command line named."""
    write(session, app, Outcome.REFUSED, target=given and _full_id(app, given), reason=error.message)


def _full_id(app: App, given: str) -> str:
    """The full id of a record: the `7` of `order refund 7` is `ord_7`."""
    group = app.command.partition(" ")[0]
    kinds = [prefix for prefix, (_, command) in ids.PREFIXES.items() if command.split()[1] == group]
    return ids.show(kinds[0], int(given)) if kinds and given.isascii() and given.isdecimal() else given


def requester(actor: Actor, operator_id: int | None) -> dict[str, str]:
    """Write as the operator who requested the change, if another one records it: the first process may have died."""
    if operator_id is None or operator_id == actor.id:
        return {}
    return {"requested_by": ids.show("opr", operator_id)}


def find(
    app: App,
    *,
    operator: Sequence[str] = (),
    command: str | None = None,
    target: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: Limit = None,
) -> Page:
    """The rows for which all conditions are true, newest first. `operator` is a name or an id; `command` may be a group
    (`txn`) or one command (`txn refund`).
    """
    wanted = select(AuditRow).where(*listing.between(app.clock, AuditRow.at, since, until))
    if operator:
        with app.read() as session:
            wanted = wanted.where(or_(*(_by(session, one) for one in operator)))
    if command is not None:
        name = " ".join(command.removeprefix("csctl ").split())
        wanted = wanted.where((AuditRow.command == name) | AuditRow.command.startswith(f"{name} ", autoescape=True))
    if target is not None:
        wanted = wanted.where(AuditRow.target == target.strip())
    return listing.newest_first(app, wanted, AuditRow.at, AuditRow.id, _rows, limit)


def _by(session: Session, operator: str) -> ColumnElement[bool]:
    # the name is the one of that time; the id finds an operator under every name
    by_id = operator.startswith("opr_")
    mine = AuditRow.operator_id == ids.parse("opr", operator).id if by_id else AuditRow.operator == operator
    is_one = Operator.id == ids.parse("opr", operator).id if by_id else Operator.name == operator
    known = session.scalar(select(Operator.id).where(is_one)) or session.scalar(
        select(AuditRow.id).where(mine).limit(1)
    )
    if known is None:
        raise NotFound(f"there is no operator {operator[:40]!r}", fix="csctl operator list")
    return mine


def _rows(_session: Session, found: list[AuditRow]) -> list[Row]:
    return [
        {
            "id": ids.show("aud", row.id),
            "at": row.at,
            "operator": row.operator,
            "login": row.login,
            "command": row.command,
            "target": row.target,
            "outcome": row.outcome,
            "changes": row.changes,
        }
        for row in found
    ]
