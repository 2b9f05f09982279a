"""Create and edit customers.

For concurrent edits, the version of a customer is read when the work begins (or given by the operator who looked at the
profile before), and compared when it is saved. The second edit is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.clock import parse_time, rfc3339
from csctl.domain import fields, ids
from csctl.domain.addresses import Address
from csctl.domain.customer_fields import CUSTOMER_FIELDS, kept
from csctl.domain.field_uses import Use
from csctl.domain.outcomes import Outcome
from csctl.domain.text import accept, fold
from csctl.errors import Conflict, CsctlError, Usage
from csctl.models import Customer
from csctl.results import Result
from csctl.services.customers import envelopes, lookup
from csctl.services.shared import audit, bulk, change_files, field_values, history
from csctl.services.shared.change_files import Line
from csctl.services.shared.chunks import chunks
from csctl.tabular.options import FileOptions

if TYPE_CHECKING:
    from csctl.app import App

# What an export has besides, and an edit does not change.
_FIXED = tuple(
    field.name for field in fields.of("customers", Use.FILE) if field.name not in (*CUSTOMER_FIELDS, "external_id")
)


@dataclass(frozen=True)
class Edit:
    """A requested edit of one customer at `version`."""

    given: str
    number: int = 0
    version: int = 0
    values: Mapping[str, str] | None = None
    problem: CsctlError | None = None


def create(app: App, values: Mapping[str, str], external_id: str | None, *, dry_run: bool) -> Iterator[Result]:
    """Create a customer. Raises Usage without any detail, Conflict if the external id is taken."""

    def add(session: Session, line: Line) -> Result:
        customer = Customer(external_id=external_id, billing=Address(), shipping=Address())
        customer.created_at = customer.updated_at = app.clock.now()
        if not (changed := _apply(app, customer, line.values)):
            raise Usage("a customer needs a name, an email or some other detail", fix="--email jane@example.com")
        _refuse_taken(session, external_id)
        session.add(customer)
        session.flush()
        name = ids.show("cus", customer.id)
        history.event(session, app, customer.id, f"created with {_words(changed)}")
        audit.write(session, app, Outcome.CREATED, target=name, changed=changed)
        return Result(
            "new" if dry_run else name, Outcome.CREATED, _same_email(session, customer), extra={"changed": changed}
        )

    return bulk.each(app, [Line(0, "new", dict(values))], add, dry_run=dry_run)


def _refuse_taken(session: Session, external_id: str | None) -> None:
    if external_id is None:
        return
    accept(external_id, "external id")
    if (taken := session.scalar(select(Customer.id).where(Customer.external_id == external_id))) is not None:
        name = ids.show("cus", taken)
        raise Conflict(f"{name} has this external id", fix=f"csctl customer edit {name}")


def _same_email(session: Session, customer: Customer) -> str:
    """A remark about customers with the same email: not an error, as a household shares an address."""
    if not customer.email:
        return ""
    same = select(Customer.id).where(
        Customer.folded_email == fold(customer.email), Customer.id != customer.id, Customer.merged_into_id.is_(None)
    )
    found = session.scalars(same.order_by(Customer.id).limit(5)).all()
    return f"the same email has {', '.join(ids.show('cus', one) for one in found)}" if found else ""


def plan(
    app: App,
    who: str | None,
    values: Mapping[str, str],
    file: Path | None = None,
    version: int | None = None,
    form: FileOptions | None = None,
) -> list[Edit]:
    """The requested edits, with the current versions of the customers.

    Raises Usage unless exactly one of a customer and a file is given, or if nothing is to be changed; NotFound or
    Conflict for an email of no customer, or of several.
    """
    if (who is None) == (file is None):
        raise Usage("name a customer, or give a file with --from", fix="csctl customer edit CUS --email …")
    with app.read() as session:
        if file is not None:
            if values or version is not None:
                raise Usage("--from stands for the other options", fix="put the fields into the file, as columns")
            lines = change_files.read(file, known=(*CUSTOMER_FIELDS, "version", *_FIXED), form=form)
            if ignored := [name for name in _FIXED if any(name in line.values for line in lines)]:
                app.notice(f"Ignored, since an edit does not change it: {', '.join(ignored)}")
            known = change_files.known(session, Customer, "cus", lines)
            stored = _stored(session, known, lines)
            return _once([(line, _planned(app, line, known, stored)) for line in lines])
        assert who is not None  # noqa: S101 - by the first check
        if not values:
            raise Usage("there is nothing to change", fix=f"name fields: csctl customer edit {who} --email …")
        customer = lookup.find(session, who)
        return [Edit(who, customer.id, customer.version if version is None else version, values)]


def _stored(session: Session, known: Mapping[str, int], lines: Iterable[Line]) -> dict[int, tuple[int, datetime]]:
    """The versions of the customers that lines name, and since when they are here."""
    numbers: list[int] = []
    for line in lines:
        with suppress(CsctlError):
            numbers.append(change_files.number_in(known, "cus", line))
    columns = select(Customer.id, Customer.version, Customer.created_at)
    found: dict[int, tuple[int, datetime]] = {}
    for some in chunks(numbers):
        named = columns.where(Customer.id.in_(some))
        found.update({row.id: (row.version, row.created_at) for row in session.execute(named)})
    return found


def _planned(app: App, line: Line, known: Mapping[str, int], stored: Mapping[int, tuple[int, datetime]]) -> Edit:
    try:
        number = change_files.number_in(known, "cus", line)
        now, created_at = stored.get(number, (0, None))
        made = line.values.get("created_at")
        if made and created_at and parse_time(made, app.clock.zone) != created_at.replace(microsecond=0):
            raise Usage("created_at cannot be edited", cause=f"it is {rfc3339(created_at)}", fix="leave the column out")
        values = {name: text for name, text in line.values.items() if name in CUSTOMER_FIELDS}
        return Edit(line.given, number, _version(line.values.get("version")) or now, values)
    except CsctlError as error:
        return Edit(line.given, problem=error)


def _once(planned: Sequence[tuple[Line, Edit]]) -> list[Edit]:
    """The edits; those of a customer for whom several lines have different values of a field are refused."""
    lines: dict[int, list[tuple[Line, Edit]]] = {}
    for line, one in planned:
        lines.setdefault(one.number, []).append((line, one))
    return [_unless_different(one, lines[one.number]) for _line, one in planned]


def _unless_different(one: Edit, same: Sequence[tuple[Line, Edit]]) -> Edit:
    mine = one.values or {}
    field = next(
        (name for name in mine for _, other in same if (other.values or {}).get(name, mine[name]) != mine[name]), ""
    )
    if not field:
        return one
    lines = ", ".join(str(line.number) for line, other in same if field in (other.values or {}))
    problem = Usage(
        f"{field} of {ids.show('cus', one.number)} has different values in lines {lines}",
        cause="it is not known which of them is right",
        fix="keep one of them",
    )
    return replace(one, problem=problem)


def _version(text: str | None) -> int | None:
    if text is not None and not (text.isdecimal() and len(text) < 10):
        raise Usage(f"{text[:20]!r} is not a version", fix="a whole number, as csctl customer show has it")
    return int(text) if text else None


def edit(app: App, edits: Sequence[Edit], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Edit customers. One that another user has changed since the edits were planned is skipped."""
    saved: dict[int, int] = {}  # versions that this process saved: a file may name a customer twice

    def change(session: Session, one: Edit) -> Result:
        if one.problem:
            raise one.problem
        customer = lookup.live(session, one.number)
        _refuse_changed(customer, saved.get(one.number, one.version))
        changed = _apply(app, customer, one.values or {})
        if not changed:
            return Result(one.given, Outcome.SKIPPED, "no change", extra={"changed": [], "version": customer.version})
        customer.updated_at = app.clock.now()
        history.event(session, app, customer.id, f"edited {_words(changed)}")
        audit.write(session, app, Outcome.UPDATED, target=ids.show("cus", customer.id), changed=changed)
        session.flush()
        if not dry_run:
            saved[one.number] = customer.version
        extra = {"changed": changed, "version": customer.version}
        same = _same_email(session, customer) if "email" in changed else ""
        return Result(one.given, Outcome.UPDATED, "; ".join(filter(None, (_words(changed), same))), extra=extra)

    return bulk.each(app, edits, change, dry_run=dry_run, fail_fast=fail_fast)


def _refuse_changed(customer: Customer, version: int) -> None:
    if customer.version != version:
        name = ids.show("cus", customer.id)
        raise Conflict(
            f"{name} was changed by another user",
            cause=f"it is at version {customer.version} now, and you edited version {version}",
            fix=f"csctl customer show {name}, then edit again",
        )


def _apply(app: App, customer: Customer, values: Mapping[str, str]) -> list[str]:
    """Set the given fields, and return the names of those that changed. Raises Usage."""
    country = kept("billing_country", values.get("billing_country", ""), None)
    country = country or customer.billing.country or customer.shipping.country or app.shop.country
    wanted = {field: kept(field, text, country) for field, text in values.items()}
    changed = [
        field
        for name, field in CUSTOMER_FIELDS.items()
        if name in wanted and field_values.get(customer, field) != wanted[name]
    ]
    for field in changed:
        field_values.put(customer, field, wanted[field.name])
    names = [field.name for field in changed]
    if "phone" in names:
        _warn_of_phone(app, customer.phone)
    for kind, address in (("billing", customer.billing), ("shipping", customer.shipping)):
        if any(changed_name.startswith(f"{kind}_") for changed_name in names):
            name = ids.show("cus", customer.id) if customer.id else "the customer"
            envelopes.warn(app, name, address, kind)
    return names


def _warn_of_phone(app: App, phone: str | None) -> None:
    if phone and not phone.startswith("+"):
        app.notice(f"The phone number {phone} is not a valid one, and is kept as it was given.")


def _words(changed: Iterable[str]) -> str:
    return ", ".join(field.replace("_", " ") for field in changed)
