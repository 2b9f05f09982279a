"""Call customers. The switch is called outside of any transaction; the outcome goes into the history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.states import HistoryKind
from csctl.domain.text import accept
from csctl.errors import Conflict, CsctlError, GatewayRefused, OutcomeUnknown, Usage
from csctl.phone.switch import dialable
from csctl.phone.switches import open_switch
from csctl.results import Result
from csctl.services.customers import lookup
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App


def place(app: App, who: str, number: str | None, *, dry_run: bool) -> Iterator[Result]:
    """Call a customer at their number, or at another `number`.

    Raises, before anything is dialled, NotFound, Conflict for a customer without a number, Usage for an invalid number,
    and Misconfigured for a switch that cannot be used.
    """
    customer_id, wanted = _whom(app, who, number)
    switch = open_switch(app.settings.phone_switch)
    if dry_run:
        yield Result(who, Outcome.SENT, f"would call {wanted}", dry_run=True, extra={"number": wanted, "uri": None})
        return
    try:
        placed = switch.call(wanted, operator=app.actor.name)
    except (GatewayRefused, OutcomeUnknown) as error:
        outcome = Outcome.UNKNOWN if isinstance(error, OutcomeUnknown) else Outcome.FAILED
        said = f"{error.message}: {error.cause}" if error.cause else error.message
        _note(app, customer_id, wanted, said, outcome)
        yield Result(who, outcome, error.message, error, extra={"number": wanted, "uri": None})
        return
    except CsctlError as error:  # nothing was sent, and nothing is recorded
        yield Result.refused(who, error, extra={"number": wanted, "uri": None})
        return
    _note(app, customer_id, wanted, placed.outcome, Outcome.SENT)
    yield Result(who, Outcome.SENT, placed.outcome, extra={"number": wanted, "uri": placed.uri})


def _whom(app: App, who: str, number: str | None) -> tuple[int, str]:
    with app.read() as session:
        customer = lookup.find(session, who)
    lookup.require_live(customer)
    name = ids.show("cus", customer.id)
    wanted = customer.phone if number is None else accept(number, "number", reference=number.startswith("+"))
    if number is not None and not wanted:
        raise Usage("an empty number cannot be called", fix="--number +4930123456")
    if not wanted:
        raise Conflict(f"{name} has no phone number", fix=f"csctl customer call {name} --number +4930123456")
    return customer.id, dialable(wanted, codes=number is not None)


def _note(app: App, customer_id: int, number: str, said: str, outcome: Outcome) -> None:
    with app.write() as session:
        history.event(session, app, customer_id, f"called {number}: {said}", kind=HistoryKind.CALL)
        audit.write(session, app, outcome, target=ids.show("cus", customer_id), switch=_kind(app))


def _kind(app: App) -> str:
    """The kind of the switch. The rest of its URL may contain a password."""
    return app.settings.phone_switch.partition(":")[0]
