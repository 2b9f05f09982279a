"""What ends a difference between the books and a gateway: commands to type, or where a person has to look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.comparison import Booked, Difference, Entry, Finding
from csctl.domain.money import to_decimal
from csctl.domain.states import OPEN_STATES, RETURNS, SALES, Kind, State
from csctl.gateways.operations import Finds
from csctl.models import Transaction
from csctl.services.payments import restored
from csctl.services.shared.chunks import chunks

if TYPE_CHECKING:
    from csctl.app import App

_OF_A_SALE = (Difference.VOIDED, Difference.REFUNDED)


@dataclass(frozen=True)
class _Sale:
    """A sale as the books have it. `attempts` on it have no outcome, by their amounts; `elsewhere` is what was not
    returned through the gateway.
    """

    id: int
    account: str
    currency: str
    elsewhere: int
    returned: bool  # something is returned or queued
    attempts: dict[str, int]


class Fixes:
    """The fix of each of the findings."""

    def __init__(self, app: App, account: str | None, findings: list[Finding]) -> None:
        self._app = app
        wanted = {reference for finding in findings if (reference := _sale_of(finding))}
        wanted.update(*{finding.theirs.may_be_of for finding in findings if finding.theirs})
        with app.read() as session:
            self._sales = dict(_sales(session, account, sorted(wanted)))
        self._paid: dict[int, list[str]] = defaultdict(list)  # attempts that were carried out after all, by their sale
        for ours in (finding.ours for finding in findings if finding.what is Difference.PAID_AFTER_ALL):
            if ours and ours.sale_id and ours.state is State.FAILED:
                self._paid[ours.sale_id].append(ids.show("txn", ours.id))
        of_sales = [finding for finding in findings if finding.what in _OF_A_SALE]
        self._said = {finding.ours.reference: self(finding) for finding in of_sales if finding.ours}

    def currency(self, finding: Finding) -> str | None:
        """That of the gateway's side where it does not say."""
        sale = self._sales.get(_sale_of(finding) or "")
        return sale.currency if sale else None

    def __call__(self, finding: Finding) -> str:
        ours, theirs = finding.ours, finding.theirs
        if ours is None:
            return self._of_unknown(theirs)
        name = ids.show("txn", ours.id)
        if finding.what is Difference.ONLY_BOOKS:
            return f"see whether it is the right account: csctl gateway check {ours.account}"
        if finding.what is Difference.OPEN:
            return f"csctl txn reconcile {name}{self._seen(ours, theirs)}"
        if finding.what is Difference.PAID_AFTER_ALL and ours.state is State.FAILED and self._answers(ours.account):
            return f"csctl txn reconcile {name}"
        if theirs and self._is_learned(finding.what, ours, theirs):
            return self._learned(ours.reference) if ours.kind.takes_money else f"csctl txn sync {name}"
        return _compare(name)

    def _of_unknown(self, theirs: Entry | None) -> str:
        sale = self._sales.get(theirs.sale_reference or "") if theirs and theirs.kind in RETURNS else None
        if theirs and theirs.kind is Kind.SALE and restored.is_key(theirs.key):
            return f"csctl purchase force-bill PUR --charged {theirs.reference}, or csctl data import all FILE"
        if theirs and (known := [self._sales[one].id for one in theirs.may_be_of if one in self._sales]):
            return f"csctl txn sync {restored.names(known)}"
        if theirs is None or sale is None:
            return "csctl data import transactions FILE"
        if self._answers(sale.account):
            return self._said.get(theirs.sale_reference) or self._learned(theirs.sale_reference, theirs.key)
        same = [name for name, amount in sale.attempts.items() if amount == theirs.amount]
        if len(same) == 1:
            return f"csctl txn reconcile {same[0]} --as approved --reference {theirs.reference}"
        return _compare(ids.show("txn", sale.id))

    def _learned(self, reference: str | None, key: str | None = None) -> str:
        """What is open on a sale is settled first: nothing is learned of it before. What others returned of it is among
        the account's changes where a look-up of the sale does not show it.
        """
        sale = self._sales[reference or ""]
        first = [*sale.attempts, *self._paid[sale.id]]
        settle = f"csctl txn reconcile {' '.join(first)}; " if first else ""
        named = self._app.gateways[sale.account].capabilities.tells_refunded_total or restored.is_key(key)
        return f"{settle}csctl txn sync {ids.show('txn', sale.id) if named else ''}".rstrip()

    def _is_learned(self, what: Difference, ours: Booked, theirs: Entry) -> bool:
        """Whether asking the gateway ends the difference: it has voided or returned what the books have not."""
        sale = self._sales.get(ours.reference or "")
        if ours.state is not State.APPROVED or not self._answers(ours.account):
            return False
        if what is Difference.VOIDED and sale:
            return not ours.voided and not sale.returned
        if what is Difference.REFUNDED and sale and not ours.voided:
            more = ours.at_gateway < (theirs.refunded or 0) <= ours.amount - sale.elsewhere
            return more or (ours.unnamed > 0 and ours.at_gateway > (theirs.refunded or 0))
        return what is Difference.NOT_PAID and ours.kind is Kind.REFUND

    def _answers(self, account: str) -> bool:
        gateways = self._app.gateways
        return account in gateways and gateways[account].capabilities.finds is not Finds.NOTHING

    def _seen(self, ours: Booked, theirs: Entry | None) -> str:
        """The options that say what the records show, where the gateway itself cannot tell."""
        gateways = self._app.gateways
        if theirs is None or theirs.state not in (State.APPROVED, State.FAILED) or ours.account not in gateways:
            return ""
        life = gateways[ours.account].capabilities.keys_live
        asked = self._answers(ours.account) or (life is not None and self._app.clock.now() - ours.at < life)
        if asked and not ours.mismatched:
            return ""
        if theirs.state is State.FAILED:
            return " --as failed"
        other = theirs.amount not in (None, ours.amount)
        amount = f" --amount {to_decimal(theirs.amount or 0, ours.currency)}" if other else ""
        return f" --as approved --reference {theirs.reference}{amount}"


def _compare(name: str) -> str:
    return f"compare it with the gateway's own page: csctl txn show {name}"


def _sale_of(finding: Finding) -> str | None:
    """The gateway's reference of the sale that a difference is about."""
    ours, theirs = finding.ours, finding.theirs
    if ours is None:
        return theirs.sale_reference if theirs else None
    return ours.reference if finding.what in _OF_A_SALE else None


def _sales(session: Session, account: str | None, references: list[str]) -> Iterator[tuple[str, _Sale]]:
    for some in chunks(references):
        named = select(Transaction).where(
            Transaction.gateway_ref.in_(some),
            Transaction.kind.in_(SALES),
            Transaction.state == State.APPROVED,
            Transaction.duplicate_at.is_(None),
        )
        if account is not None:
            named = named.where(Transaction.gateway == account)
        sales = list(session.scalars(named))
        children = select(Transaction).where(Transaction.parent_id.in_([sale.id for sale in sales]))
        of_sale = defaultdict(list)
        for child in session.scalars(children.order_by(Transaction.id)):
            of_sale[child.parent_id].append(child)
        yield from ((sale.gateway_ref or "", _sale(sale, of_sale[sale.id])) for sale in sales)


def _sale(sale: Transaction, children: Iterable[Transaction]) -> _Sale:
    attempts = [child for child in children if child.state in OPEN_STATES]
    at_gateway = sum(
        child.amount
        for child in children
        if child.kind is Kind.REFUND and child.state is State.APPROVED and (child.outside or "gateway") == "gateway"
    )
    under_way = sum(child.amount for child in attempts)
    return _Sale(
        sale.id,
        sale.gateway,
        sale.currency,
        elsewhere=sale.refunded - at_gateway,
        returned=sale.refunded > 0 or sale.reserved > under_way,
        attempts={ids.show("txn", child.id): child.amount for child in attempts},
    )
