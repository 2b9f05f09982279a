"""The columns of a cancellation that a refund or a request for approval carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csctl.domain.cancellations import Carried

# The purchase, and at most one moment, are those of a purchase alone.
CHECK = (
    "(cancels_purchase_id IS NOT NULL) = (cancels IS NOT NULL AND cancels = 'purchase')"
    " AND (cancels_purchase_id IS NOT NULL OR (cancels_on IS NULL AND cancels_after_billing IS NULL))"
    " AND (cancels_on IS NULL OR cancels_after_billing IS NULL)"
)


def columns_of(carried: Carried | None) -> Mapping[str, Any]:
    """The values of the columns for a cancellation, or for none."""
    return {
        "cancels": carried and carried.scope,
        "cancels_purchase_id": carried and carried.purchase_id,
        "cancels_on": carried and carried.on,
        "cancels_after_billing": True if carried and carried.after_next else None,
    }
