"""The problems of an installation, each with its fix: what `csctl doctor` prints."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, make_url, or_, select
from sqlalchemy.orm import Session

from csctl import database, search_index
from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.states import UNANSWERED_STATES, Direction, EmailState, State
from csctl.errors import CsctlError, DatabaseDamaged, Misconfigured, Unreachable
from csctl.mail.outgoing import open_transport
from csctl.models import Customer, Email, Move, NotifyEmail, Transaction
from csctl.profiles import token_file
from csctl.results import Row
from csctl.services.billing import overdue
from csctl.services.emails.preview import SAMPLES
from csctl.services.health import access, consistency, gateways
from csctl.services.health.finding import Problem
from csctl.services.outcomes import late
from csctl.services.payments import accounts
from csctl.services.refunds import unattempted
from csctl.services.runs import repeats
from csctl.settings import GATEWAY, Settings, refuse_if_others_read

if TYPE_CHECKING:
    from csctl.app import App

_PATIENCE = timedelta(hours=1)  # an email that waits longer was forgotten
_NEWS = timedelta(days=7)  # an older failed email is known: an invalid address stays invalid
_MANY_CUSTOMERS = 50_000  # fewer are looked at one by one in no time


Problems = Iterator[Problem]


def examine(load: Callable[[], Settings], start: Callable[[Settings], App]) -> list[Row]:
    """A row for each check without a problem, and for each problem: `check`, `status`, `problem`, `fix`.

    `start` builds the App, on any schema. A missing database, an old schema and invalid settings are problems too; an
    invalid token is an error: raises NotPermitted.
    """
    try:
        settings = load()
    except Misconfigured as error:
        return _rows("settings", iter([_said(error)]))
    rows = [*_rows("settings", _settings(settings)), *_rows("files", _files(settings))]
    try:
        app = start(settings)
    except (Misconfigured, Unreachable) as error:
        return [*rows, *_rows("database", iter([_said(error)]))]
    try:
        return [*rows, *_rows("database", access.connection(app)), *_inside(app)]
    finally:
        app.close()


def _inside(app: App) -> list[Row]:
    try:
        with app.read() as session:
            database.require_current_schema(session)
    except Misconfigured as error:
        return _rows("schema", iter([_said(error)]))
    checks: dict[str, Callable[[App], Problems]] = {
        "moves": _moves,
        "gateways": _gateways,
        "mail": _mail,
        "notify": _notify,
        "transactions": _transactions,
        "runs": _runs,
        "queue": _queue,
        "billing": _billing,
        "emails": _emails,
        "grants": access.grants,
        "limits": access.limits,
        "tokens": access.tokens,
        "sums": _sums,
        "search": _search,
    }
    return _rows("schema", iter(())) + [row for name, check in checks.items() for row in _rows(name, check(app))]


def _rows(check: str, problems: Problems) -> list[Row]:
    found: list[Row] = [{"check": check, **problem._asdict()} for problem in _readable(problems)]
    return found or [{"check": check, "status": "ok", "problem": None, "fix": None}]


def _readable(problems: Problems) -> Problems:
    """The problems, until the database cannot be read any more: that is the last one."""
    try:
        yield from problems
    except DatabaseDamaged as error:
        yield _said(error)


def _said(error: CsctlError) -> Problem:
    return Problem(f"{error.message}: {error.cause}" if error.cause else error.message, error.fix)


# -- without the database


def _settings(settings: Settings) -> Problems:
    """Unknown variables whose names differ from a known one by a letter."""
    for name, meant in settings.mistyped.items():
        yield Problem(f"{name} is set, and csctl reads {meant}", f"set {meant} instead, or unset {name}")


def _files(settings: Settings) -> Problems:
    """Files with secrets or personal data that other users of this machine can read."""
    token: Path | None = None
    with suppress(Misconfigured):  # there is no such file without a home directory
        token = token_file(settings.profile)
    if token and token.is_file():
        try:
            refuse_if_others_read(token)
        except Misconfigured as error:
            yield _said(error)
    file = _sqlite_file(settings.database_url)
    if file and file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Problem(f"others can read {file}, and it holds personal data", f"chmod 600 {file}")


def _sqlite_file(url: str) -> Path | None:
    try:
        parsed = make_url(url)
    except ValueError:
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _moves(app: App) -> Problems:
    """A shop that is active in two databases: each might charge and refund."""
    with app.read() as session:
        moves = {move.direction: move for move in session.scalars(select(Move))}
        if Direction.OUT in moves:
            yield Problem("this database is retired: its shop has moved", "set CSCTL_DATABASE_URL to the new database")
        if Direction.IN in moves and moves[Direction.IN].confirmed_at is None:
            yield Problem(
                "the database that this shop came from is not known to be retired",
                "there: csctl data export all DIR --retire; then here: csctl data import all DIR --source-retired",
            )


# -- configuration


def _gateways(app: App) -> Problems:
    """Accounts that cannot be opened, or that refuse their key. Each is asked, and nothing is sent."""
    problems = list(accounts.problems(app))
    yield from (_said(error) for error in problems)
    for name in () if problems else app.gateways:
        _, found = gateways.look(app, name)
        variable = f"{GATEWAY}{name.upper()}"
        for one in found:
            yield Problem(one.what if one.what.startswith(variable) else f"{variable}: {one.what}", one.fix)
    for name in accounts.known_kinds(app).keys() - app.settings.gateways.keys():
        yield Problem(
            f"sales were made with the account {name}, and it is not configured", f"set {GATEWAY}{name.upper()}"
        )


def _mail(app: App) -> Problems:
    """A mail server that does not work, checked up to the point where a message would be sent."""
    try:
        open_transport(app.settings.mail_url).check()
    except (Misconfigured, Unreachable) as error:
        yield _said(error)
    if not app.shop.mail_from:
        yield Problem("emails have no sender", "csctl setting set mail-from ADDRESS")
    for kind, sample in SAMPLES.items() if app.settings.templates_dir else ():
        try:
            app.mail.renderer.render(kind, sample)
        except CsctlError as error:
            yield _said(error)


def _notify(app: App) -> Problems:
    with app.read() as session:
        if not _count(session, NotifyEmail.id):
            yield Problem("no Notify Emails: exhausted refunds are not reported", "csctl queue notify add EMAIL")


# -- waiting work


def _transactions(app: App) -> Problems:
    """Unknown outcomes, and attempts whose process has ended."""
    unknown = Transaction.state == State.UNKNOWN
    orphaned = Transaction.state.in_(UNANSWERED_STATES) & or_(
        Transaction.lease_until.is_(None), Transaction.lease_until < app.clock.now()
    )
    with app.read() as session:
        yield from _some_transactions(session, unknown, "without a known outcome")
        yield from _some_transactions(session, orphaned, "left behind by a process that ended")
        for row in session.scalars(select(Transaction).where(late.NOT_LOOKED_AT).order_by(Transaction.id)):
            yield _late(session, row)


def _late(session: Session, row: Transaction) -> Problem:
    name, money = ids.show("txn", row.id), Money(row.amount, row.currency)
    what = f"{name} ({row.kind.value} of {money}) was approved after it had been taken for failed"
    sale = session.get(Transaction, row.parent_id) if row.parent_id else None
    if sale and sale.over_returned:
        over = Money(sale.over_returned, sale.currency)
        what += f": {over} more than {ids.show('txn', sale.id)} was returned"
    return Problem(what, f"look at it on the gateway's own page, then csctl txn reconcile {name} --as approved")


def _some_transactions(session: Session, which: ColumnElement[bool], what: str) -> Problems:
    if count := _count(session, Transaction.id, which):
        first = session.scalars(select(Transaction.id).where(which).order_by(Transaction.id).limit(3))
        names = ", ".join(ids.show("txn", number) for number in first)
        yield Problem(
            f"{_plural(count, 'transaction')} {what}: {names}{', …' if count > 3 else ''}", "csctl txn reconcile"
        )


def _runs(app: App) -> Problems:
    """Interrupted bulk changes of money."""
    for name, left in repeats.of_money(app):
        yield Problem(f"{name} stopped, and {_plural(left, 'record')} of it remain", f"csctl run resume {name}")


def _queue(app: App) -> Problems:
    missed, silent = unattempted.overdue(app)
    if missed:
        yield Problem(f"{_plural(missed, 'refund')} due before today: the daily cron did not run", "csctl queue retry")
    for name, number in sorted(silent.items()):
        what = f"{_plural(number, 'refund')} due before today and not attempted: {name} did not answer"
        yield Problem(what, f"csctl gateway check {name}")
    with app.read() as session:
        if stuck := session.scalars(unattempted.waiting(app)).all():
            names = ", ".join(ids.show("rfq", item.id) for item in stuck[:3]) + (", …" if len(stuck) > 3 else "")
            days = _plural(app.shop.unattempted_days, "day")
            yield Problem(f"{_plural(len(stuck), 'refund')} not attempted for {days}: {names}", "csctl gateway check")


def _billing(app: App) -> Problems:
    late = overdue.find(app)
    if late.missed:
        names = ", ".join(late.missed[:3]) + (", …" if len(late.missed) > 3 else "")
        count = _plural(len(late.missed), "purchase")
        yield Problem(f"{count} due before today and not billed: {names}", "csctl billing run")
    if late.waiting:
        first, reason = next(iter(late.waiting.items()))
        more = f", and {len(late.waiting) - 1} more" if len(late.waiting) > 1 else ""
        said = f"due, and not billed until a person acts: {first} ({reason.message}: {reason.cause}){more}"
        yield Problem(f"{_plural(len(late.waiting), 'purchase')} {said}", reason.fix, "warning")


def _emails(app: App) -> Problems:
    now = app.clock.now()
    forgotten = (Email.state == EmailState.WAITING) & (Email.created_at < now - _PATIENCE)
    failed = (Email.state == EmailState.FAILED) & (Email.created_at > now - _NEWS)
    with app.read() as session:
        if count := _count(session, Email.id, forgotten):
            yield Problem(f"{_plural(count, 'email')} waiting for over an hour", "csctl email send")
        if count := _count(session, Email.id, failed):
            yield Problem(f"{_plural(count, 'email')} of the last 7 days failed", "csctl email list --state failed")


def _sums(app: App) -> Problems:
    for finding in consistency.findings(app):
        if finding.check == "duplicate":
            fix = "if it is a charge of its own, correct its gateway_ref: csctl data import transactions FILE --update"
            yield Problem(f"{finding.target}: {finding.problem}", fix, "warning")
        elif finding.check == "totals":
            yield Problem(f"{finding.target}: {finding.problem}", "csctl db repair, and report it")
        else:
            yield Problem(f"{finding.target}: {finding.problem}", "restore from a backup, or report it: csctl db check")


def _search(app: App) -> Problems:
    """An index of search that is missing, where there are so many customers that it makes a difference."""
    with app.read() as session:
        if search_index.is_there(session.connection()):
            return
        many = (session.scalar(select(func.max(Customer.id))) or 0) > _MANY_CUSTOMERS
    if app.engine.dialect.name == "sqlite":
        yield Problem("the index of search is missing: searches look at every customer", "csctl db upgrade")
    elif many:
        yield Problem(
            "searches are slow without the extension pg_trgm",
            "install pg_trgm on the server (part of postgresql-contrib), then csctl db upgrade",
        )


def _count(session: Session, column: Any, *which: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(column)).where(*which)) or 0


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
