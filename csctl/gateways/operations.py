"""The values of the gateway protocol: operations, answers, capabilities, and records of a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import CsctlError


class Initiator(StrEnum):
    """Who started a charge. Card networks have special rules for charges without the customer."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class Possible(StrEnum):
    """Whether an account can do something; ASK: only its answer shows that."""

    NO = "no"
    YES = "yes"
    ASK = "ask"


class Finds(StrEnum):
    """How an attempt whose answer was lost can be found."""

    BY_KEY = "by_key"
    BY_REFERENCE = "by_reference"  # by the sale's reference and the amount, without csctl's key
    AMBIGUOUS = "ambiguous"  # what is found may be another attempt: a person decides
    NOTHING = "nothing"


@dataclass(frozen=True)
class Sale:
    """The sale (or authorization) of a void, refund or capture. `amount` in minor units."""

    reference: str
    amount: int
    currency: str
    at: datetime
    captured: bool = True
    last4: str | None = None
    method_type: str | None = None  # the gateway's word for the kind of payment method, where it is known


@dataclass(frozen=True)
class Operation:
    """One attempt. `amount` in minor units, `key` is the attempt's own idempotency key, the same each time it is sent.

    `sent_at` is when it was first sent (UTC). A charge has a `token`, the others a `sale`.
    """

    kind: Kind
    key: str
    amount: int
    currency: str
    sent_at: datetime
    sale: Sale | None = None
    token: str | None = field(default=None, repr=False)
    order_number: str | None = None
    description: str | None = None
    initiated: Initiator = Initiator.MERCHANT
    network_ref: str | None = None  # of the first charge with this token, for networks that require it
    prepared: str | None = None  # the result of `prepare` for this attempt

    @property
    def its_sale(self) -> Sale:
        """The sale of a void, refund or capture. Raises ValueError, which is a bug, for an operation without one."""
        if self.sale is None:
            raise ValueError(f"a {self.kind} without its sale")
        return self.sale


@dataclass(frozen=True)
class Answer:
    """The outcome of a charge, void, refund or capture: approved, pending, declined, failed or unknown.

    `amount` (minor units) and `currency` are from the gateway; None if it does not send them. `aliases` are other
    references of the same object. `code` is the gateway's own. Never contains a secret; texts are cleaned.
    """

    state: State
    reference: str | None = None
    reason: Reason | None = None
    message: str | None = None
    amount: int | None = None
    currency: str | None = None
    settlement: Settlement | None = None
    settled_at: datetime | None = None
    code: str | None = None
    request_id: str | None = None
    network_ref: str | None = None
    livemode: bool | None = None
    aliases: tuple[str, ...] = ()
    retry_after: float | None = None  # the wait that a busy gateway asks for, in seconds


class DisputeState(StrEnum):
    INQUIRY = "inquiry"  # no money was taken yet
    OPEN = "open"
    LOST = "lost"
    WON = "won"


@dataclass(frozen=True)
class Dispute:
    """A chargeback in the records of a gateway. `amount` in minor units. `refundable`: a refund is still possible."""

    state: DisputeState
    amount: int | None = None
    reason: str | None = None
    due_by: datetime | None = None
    refundable: bool = False
    reference: str | None = None


@dataclass(frozen=True)
class Found:
    """An operation in the records of a gateway. `refunded_total` (minor units) is the sum of all refunds of a sale
    there, from any source; None if the gateway does not send it.
    """

    answer: Answer
    settlement: Settlement | None = None
    settled_at: datetime | None = None
    voided: bool = False
    captured: bool = True
    refunded_total: int | None = None
    dispute: Dispute | None = None
    sale_reference: str | None = None  # of a refund, if the gateway gives it
    receipt: str | None = None  # a refund's trace number at the network (ARN), for the customer's bank

    def entry(
        self,
        kind: Kind,
        *,
        key: str | None = None,
        sale_reference: str | None = None,
        at: datetime | None = None,
        may_be_of: tuple[str, ...] = (),
    ) -> Entry:
        """The same as a line of the gateway's records, to compare the books with."""
        charge = kind is not Kind.REFUND and kind is not Kind.VOID
        return Entry(
            self.answer.reference or "",
            kind,
            self.answer.state,
            self.answer.amount,
            self.answer.currency,
            key,
            sale_reference,
            at,
            voided=self.voided if charge else None,
            refunded=self.refunded_total if charge else None,
            aliases=self.answer.aliases,
            may_be_of=may_be_of,
        )


@dataclass(frozen=True)
class Absent:
    """The account does not have the operation, but has the sale or payment method that it would belong to."""

    searched: str  # what was searched, for the history


@dataclass(frozen=True)
class Ambiguous:
    """Several operations match the attempt. A person decides."""

    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """The account that answers. `account` is None if the gateway has no id for it."""

    account: str | None
    livemode: bool


@dataclass(frozen=True)
class Capabilities:
    """What one account can do.

    `keys_live`: how long the gateway honors an idempotency key (None: it ignores them). `absence_final_after`: when an
    absence is final, by kind of operation. `refund_watch`: how long an approved refund can still be returned.
    `deadline`: the longest time of one call.
    """

    void_captured: Possible = Possible.YES  # a captured sale that has not settled
    refund_unsettled: Possible = Possible.NO
    partial_unsettled: bool = False  # part of an unsettled sale can be refunded
    partial_refund: bool = True
    finds: Finds = Finds.BY_KEY
    keys_live: timedelta | None = None
    resend_after_absence: bool = False  # the same key may be sent again if the operation is absent
    absence_final_after: Mapping[Kind, timedelta] = field(default_factory=dict)
    refund_watch: timedelta = timedelta(0)
    reports_settlement: bool = True
    changes: bool = False
    needs_last4: bool = False  # a refund names the card's last four digits
    records: bool = False  # it lists its records of a period
    tells_refunded_total: bool = True  # `Found` has the sum of all refunds of a sale
    total_keeps_returned: bool = False  # that sum still has refunds that came back
    moves_money: bool = True  # an account that is only imported from does not
    prepares: bool = False  # `prepare` returns a reference before money moves
    deadline: timedelta = timedelta(seconds=90)


@dataclass(frozen=True)
class Change:
    """A change at the account. `cursor` is the position after it, to continue from.

    `found` is the object in its current state; None: look it up. `sale_reference` names the sale of a refund or
    dispute.
    """

    kind: Kind
    reference: str
    cursor: str
    sale_reference: str | None = None
    key: str | None = None
    found: Found | None = None


@dataclass(frozen=True)
class Problem:
    """A problem of an account, and its fix."""

    what: str
    fix: str

    @classmethod
    def of(cls, error: CsctlError) -> Problem:
        """The problem that an error tells of."""
        what = f"{error.message}: {error.cause}" if error.cause else error.message
        return cls(what, error.fix or "try again later; if it stays so, correct the account's URL")
