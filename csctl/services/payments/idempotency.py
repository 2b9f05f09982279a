"""Changes with a name from the caller (`--request-id`): a repeated one is made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from csctl.domain.text import accept
from csctl.errors import Conflict, Usage
from csctl.models import Request, Transaction

if TYPE_CHECKING:
    from csctl.app import App


def number_of(app: App, key: str | None, asked: Mapping[str, object], *, dry_run: bool) -> int | None:
    """The request with this `key` of this operator, which is stored from now on. None without a key.

    `asked` is its content; raises Conflict if the same key was used for other content, with an effect.
    """
    if key is None:
        return None
    if not (key := accept(key, "request id", longest=200)):
        raise Usage("the request id is empty", cause="it would stand for every other empty one", fix="--request-id KEY")
    digest = hashlib.sha256(json.dumps([app.command, asked], sort_keys=True).encode()).hexdigest()
    found = _find(app, key)
    if found is None and not dry_run:
        found = _keep(app, key, digest)
    if found is None:
        return None
    if found.asked == digest or app.journal.owner is not None:  # a resumed run asks for the rest of it
        return found.id
    if not _takes_up(app, found, digest, dry_run=dry_run):
        raise Conflict(
            f"the request id {key} was used for something else",
            cause=f"{app.actor.name} used it first on {found.created_at:%Y-%m-%d}",
            fix="choose a new --request-id",
        )
    return found.id


def _find(app: App, key: str) -> Request | None:
    with app.read() as session:
        owner = app.journal.owner or app.actor.id
        mine = select(Request).where(Request.operator_id == owner, Request.key == key)
        return session.scalars(mine).one_or_none()


def _takes_up(app: App, request: Request, digest: str, *, dry_run: bool) -> bool:
    """Whether the key is free again: its first request was refused, and nothing was sent."""
    with app.write() as session:
        request = session.get_one(Request, request.id, with_for_update=True)
        if session.scalars(select(Transaction.id).where(Transaction.request_id == request.id).limit(1)).first():
            return False
        if not dry_run:
            request.asked = digest
    return True


def _keep(app: App, key: str, digest: str) -> Request | None:
    request = Request(operator_id=app.journal.owner or app.actor.id, key=key, asked=digest, created_at=app.clock.now())
    try:
        with app.write() as session:
            session.add(request)
    except IntegrityError:  # another process was first, at this moment
        return _find(app, key)
    return request
