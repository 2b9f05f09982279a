"""What the gateway of a sale can do before settlement."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.refund_plan import Ways
from csctl.domain.states import Kind
from csctl.errors import Conflict
from csctl.gateways.operations import Possible
from csctl.models import Transaction

if TYPE_CHECKING:
    from csctl.app import App


_SETTLES_WITHIN = timedelta(days=3)


def of(app: App, sale: Transaction) -> Ways:
    """The capabilities. Where only the gateway's answer tells, a refund is tried once the sale should have settled:
    some processors never report settlement, but other refusals would leave the outcome open. Raises Misconfigured.
    """
    can = app.gateways[sale.gateway].capabilities
    old = app.clock.now() - sale.created_at > _SETTLES_WITHIN
    refund = can.refund_unsettled is Possible.YES or (can.refund_unsettled is Possible.ASK and old)
    return Ways(
        void=can.void_captured is not Possible.NO or sale.kind is Kind.AUTHORIZE,
        refund=refund,
        part=refund and can.partial_unsettled,
    )


def of_remaining(app: App, sale: Transaction) -> Ways:
    """The same; for a sale without a remaining amount it does not matter, and its account need not be configured."""
    return of(app, sale) if sale.refundable else Ways()


def refuse_void(sale: Transaction) -> Conflict:
    """Why a captured sale cannot be voided at a gateway that voids authorizations only."""
    name = ids.show("txn", sale.id)
    return Conflict(
        f"{name} cannot be voided",
        cause="its gateway voids authorizations only, and this charge is captured",
        fix=f"csctl txn refund {name}",
    )
