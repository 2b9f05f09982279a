"""Say which addresses nothing can be sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csctl.domain.addresses import Address

if TYPE_CHECKING:
    from csctl.app import App


def warn(app: App, name: str, address: Address | None, kind: str = "shipping") -> None:
    """A notice if the address of this record has a street, and neither a city nor a postal code."""
    if address and address.has_no_place:
        app.notice(
            f"The {kind} address of {name} has no city and no postal code:"
            f" add them with --{kind}-city and --{kind}-postal-code."
        )
