"""One charge at a gateway is one sale (domain rules, section 3).

The database refuses a second approved sale or capture with the same reference at the same account. Those of before that
rule are marked: they are neither refunded nor voided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import SALES, State
from csctl.errors import Conflict
from csctl.models import Transaction

NO_REFERENCE = ("", "0")  # what gateways write where there is no reference


def holders(session: Session, references: Collection[str]) -> Sequence[Transaction]:
    """The sales that these references belong to, at any account."""
    wanted = [reference for reference in references if reference not in NO_REFERENCE]
    theirs = select(Transaction).where(
        Transaction.gateway_ref.in_(wanted),
        Transaction.kind.in_(SALES),
        Transaction.state == State.APPROVED,
        Transaction.duplicate_at.is_(None),
    )
    return session.scalars(theirs).all() if wanted else ()


def holder(session: Session, account: str, reference: str | None) -> Transaction | None:
    """The sale that this reference at an account belongs to."""
    return next((one for one in holders(session, [reference or ""]) if one.gateway == account), None)


def refuse(session: Session, sale: Transaction) -> None:
    """Raises Conflict for a sale that is marked as a duplicate."""
    if sale.duplicate_at is None:
        return
    first = holder(session, sale.gateway, sale.gateway_ref)
    raise Conflict(
        f"{ids.show('txn', sale.id)} is a duplicate",
        cause=_words(sale, first),
        fix=f"csctl txn show {ids.show('txn', (first or sale).id)}",
    )


def words(session: Session, sale: Transaction) -> str:
    """What a marked sale is the duplicate of."""
    return _words(sale, holder(session, sale.gateway, sale.gateway_ref))


def _words(sale: Transaction, first: Transaction | None) -> str:
    other = ids.show("txn", first.id) if first else "another sale"
    return f"it is the same charge as {other}: {sale.gateway_ref} at {sale.gateway}"


def marked(session: Session) -> Iterator[tuple[str, str]]:
    """The name of each marked sale, and what it duplicates."""
    found = select(Transaction).where(Transaction.duplicate_at.is_not(None)).order_by(Transaction.id)
    for sale in session.scalars(found).all():
        yield ids.show("txn", sale.id), words(session, sale)
