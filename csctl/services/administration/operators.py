"""Operators, and their tokens, of which only a hash is stored."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from csctl import database
from csctl.clock import rfc3339
from csctl.domain import ids
from csctl.domain.operators import Actor
from csctl.domain.outcomes import Outcome
from csctl.domain.states import Role
from csctl.domain.text import accept
from csctl.errors import Conflict, NotFound, NotPermitted, Usage
from csctl.models import NO_TOKEN, Operator
from csctl.results import Result, Row
from csctl.services.shared import audit, bulk

if TYPE_CHECKING:
    from csctl.app import App

_USE_IS_KEPT_EVERY = timedelta(hours=1)


def new_token() -> tuple[str, str]:
    """A token of 256 random bits, and its stored hash. Because it is random, it needs no slow hash."""
    token = f"csctl_{secrets.token_urlsafe(32)}"
    return token, hash_of(token)


def hash_of(token: str) -> str:
    # the environment need not be UTF-8: such a token is wrong like any other
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def require_valid(actor: Actor | None, token: str | None, now: datetime) -> None:
    """Raises NotPermitted without a token or with an unknown one, for an operator who is disabled, or whose token has
    expired. `actor` has this token.
    """
    if not token:
        raise NotPermitted("no token", cause="CSCTL_TOKEN is not set", fix="csctl login, or set CSCTL_TOKEN")
    if actor is None:
        raise NotPermitted("the token is not valid", fix="ask an administrator: csctl operator rotate-token NAME")
    if actor.disabled_at is not None:
        raise NotPermitted(
            f"operator {actor.name} is disabled", fix=f"ask an administrator: csctl operator enable {actor.name}"
        )
    if actor.token_expires_at is not None and actor.token_expires_at <= now:
        raise NotPermitted(
            f"the token of {actor.name} has expired",
            fix=f"ask an administrator: csctl operator rotate-token {actor.name}",
        )


def note_use(app: App) -> None:
    """Record when the operator's token was last used, to the hour. This never blocks other work: it is skipped if the
    database is locked or read-only.
    """
    now = app.clock.now()
    last = app.actor.last_used_at
    if last and last <= now < last + _USE_IS_KEPT_EVERY:
        return
    with contextlib.suppress(DBAPIError), database.hastily(app.engine) as connection:
        connection.execute(update(Operator).where(Operator.id == app.actor.id).values(last_used_at=now))


def acceptable_name(name: str) -> str:
    """A valid name of an operator, trimmed. Raises Usage."""
    kept = accept(name, "name", longest=100)
    if not kept or kept.startswith("-"):
        raise Usage("an operator needs a name")
    return kept


@dataclass(frozen=True)
class Issued:
    """An operator and their new token, which is shown only now. A dry run issues none."""

    id: str | None
    name: str
    role: Role
    token: str | None
    expires_at: datetime | None = None


def add(session: Session, name: str, role: Role, now: datetime, expires_at: datetime | None = None) -> Issued:
    """Add an operator. Raises Conflict if the name is taken."""
    name = acceptable_name(name)
    if there := session.scalar(select(Operator).where(Operator.name == name)):
        if there.disabled_at:
            raise Conflict(f"there is an operator {name} already, and it is disabled", fix=_enabling(there))
        raise Conflict(f"there is an operator {name} already", fix="choose another name")
    token, hashed = new_token()
    operator = Operator(
        name=name,
        role=role,
        token_hash=hashed,
        token_created_at=now,
        token_expires_at=expires_at,
        created_at=now,
    )
    session.add(operator)
    session.flush()
    return Issued(ids.show("opr", operator.id), name, role, token, expires_at)


def create(app: App, name: str, role: Role, expires: date | None = None, *, dry_run: bool = False) -> Issued:
    """Create an operator, whose token is valid until the end of the day `expires`. Raises Usage for a past day."""
    expires_at = _end_of(app, expires)
    with app.write(dry_run=dry_run) as session:
        made = add(session, name, role, app.clock.now(), expires_at)
        audit.write(session, app, Outcome.CREATED, target=made.id, role=role.value, expires=_text(expires_at))
    return replace(made, id=None, token=None) if dry_run else made


def rotate_token(app: App, who: str, expires: date | None = None, *, dry_run: bool = False) -> Issued:
    """Give an operator a new token; the old one stops working at once. Without `expires`, the new one does not expire.

    Raises Conflict for a disabled operator, for whom a token has no use.
    """
    expires_at = _end_of(app, expires)
    with app.write(dry_run=dry_run) as session:
        operator = _find(session, who)
        if operator.disabled_at:
            raise Conflict(f"operator {operator.name} is disabled", fix=_enabling(operator))
        token, operator.token_hash = new_token()
        operator.token_created_at, operator.token_expires_at = app.clock.now(), expires_at
        name = ids.show("opr", operator.id)
        audit.write(session, app, Outcome.UPDATED, target=name, changed=["token"], expires=_text(expires_at))
        return Issued(name, operator.name, operator.role, None if dry_run else token, expires_at)


def _end_of(app: App, day: date | None) -> datetime | None:
    """The end of a day of the shop."""
    if day is None:
        return None
    if day < app.clock.today():
        raise Usage(f"{day} is over", fix="name a day to come, or none for a token without an end")
    try:
        return app.clock.start_of(day + timedelta(days=1))
    except OverflowError:
        raise Usage(f"{day} is too far away", fix="leave --expires out for a token without an end") from None


def _text(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


def disable(app: App, who: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Disable an operator. Raises Conflict for the last administrator: no one could enable them again."""

    def change(session: Session, named: bulk.Word) -> Result:
        operator = _find(session, named.given)
        if operator.disabled_at:
            raise Conflict(f"operator {operator.name} is disabled already")
        if operator.role is Role.ADMIN:
            _refuse_last_admin(session, app, operator)
        operator.disabled_at = app.clock.now()
        audit.write(session, app, Outcome.UPDATED, target=ids.show("opr", operator.id), disabled=True)
        return Result(named.given, Outcome.UPDATED, "disabled", extra=_known(operator))

    return bulk.each(app, [bulk.Word(who)], change, dry_run=dry_run)


def enable(app: App, who: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Enable a disabled operator, with the same token. Raises Conflict for an operator who is not disabled."""

    def change(session: Session, named: bulk.Word) -> Result:
        operator = _find(session, named.given)
        if not operator.disabled_at:
            raise Conflict(f"operator {operator.name} is not disabled")
        operator.disabled_at = None
        audit.write(session, app, Outcome.UPDATED, target=ids.show("opr", operator.id), disabled=False)
        return Result(named.given, Outcome.UPDATED, "enabled", extra=_known(operator))

    return bulk.each(app, [bulk.Word(who)], change, dry_run=dry_run)


def set_role(app: App, who: str, role: Role, *, dry_run: bool = False) -> Iterator[Result]:
    """Give an operator another role, from the next command on. Raises Conflict for the last administrator."""

    def change(session: Session, named: bulk.Word) -> Result:
        operator = _find(session, named.given)
        before = operator.role
        if before is role:
            return Result(named.given, Outcome.SKIPPED, f"no change: {role.value}", extra=_known(operator))
        if before is Role.ADMIN and not operator.disabled_at:
            _refuse_last_admin(session, app, operator)
        operator.role = role
        audit.write(
            session, app, Outcome.UPDATED, target=ids.show("opr", operator.id), before=before.value, after=role.value
        )
        return Result(named.given, Outcome.UPDATED, f"{before.value} -> {role.value}", extra=_known(operator))

    return bulk.each(app, [bulk.Word(who)], change, dry_run=dry_run)


def _refuse_last_admin(session: Session, app: App, operator: Operator) -> None:
    """An administrator who was imported and has no token, or whose token expired, can enable no one."""
    admins = select(Operator).where(Operator.role == Role.ADMIN, Operator.disabled_at.is_(None))
    valid = or_(Operator.token_expires_at.is_(None), Operator.token_expires_at > app.clock.now())
    able = admins.where(Operator.token_hash.not_like(f"{NO_TOKEN}%"), valid)
    if session.scalars(able.with_for_update()).all() == [operator]:
        raise Conflict(
            f"{operator.name} is the last administrator with a valid token",
            fix="csctl operator create NAME --role admin, then try again",
        )


def _enabling(operator: Operator) -> str:
    return f"csctl operator enable {shlex.quote(operator.name)}, if they may work here again"


def listing(app: App) -> list[Row]:
    with app.read() as session:
        return [_row(operator) for operator in session.scalars(select(Operator).order_by(Operator.id.desc()))]


def _row(operator: Operator) -> Row:
    return {
        "id": ids.show("opr", operator.id),
        **_known(operator),
        "created_at": operator.created_at,
        "token_created_at": operator.token_created_at,
        "token_expires_at": operator.token_expires_at,
        "last_used_at": operator.last_used_at,
    }


def _known(operator: Operator) -> Row:
    return {"name": operator.name, "role": operator.role.value, "disabled_at": operator.disabled_at}


def _find(session: Session, who: str) -> Operator:
    """Find an operator by name or id."""
    operator = session.scalar(select(Operator).where(Operator.name == who))
    if operator is None and (who.isdecimal() or who.startswith("opr_")):
        operator = session.get(Operator, ids.parse("opr", who).id)
    if operator is None:
        raise NotFound(f"there is no operator {who!r}", fix="csctl operator list")
    return operator
