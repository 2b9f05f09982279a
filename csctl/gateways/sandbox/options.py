"""The options of a sandbox, from its URL, and what it can do with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from csctl.clock import parse_age
from csctl.domain.states import Kind
from csctl.errors import Usage
from csctl.gateways.operations import (
    Capabilities,
    Finds,
    Possible,
)
from csctl.gateways.urls import AccountUrl

_SETTLES = {"midnight": "midnight", "capture": "capture", "never": "never"}


_WATCH = timedelta(days=30)  # for so long a refund can come back


@dataclass(frozen=True)
class Options:
    """How a sandbox behaves. `lookup_delay`: what was sent is found only after it. `rate_limit`: calls a second."""

    latency: float = 0
    keys: bool = True
    lookup: bool = True
    changes: bool = True
    records: bool = True
    known: bool = True
    settles: str = "midnight"
    account: str | None = None
    rate_limit: int = 0
    lookup_delay: timedelta = timedelta(0)


def capabilities_of(options: Options) -> Capabilities:
    never = options.settles == "never"
    return Capabilities(
        void_captured=Possible.NO if options.settles == "capture" else Possible.YES,
        refund_unsettled=Possible.ASK if never else Possible.NO,
        partial_unsettled=never,
        finds=Finds.BY_KEY if options.lookup else Finds.NOTHING,
        keys_live=timedelta(hours=24) if options.keys else None,
        absence_final_after=dict.fromkeys(Kind, options.lookup_delay),
        refund_watch=_WATCH,
        reports_settlement=not never,
        changes=options.lookup and options.changes,
        records=options.records,
    )


def options_of(url: AccountUrl) -> Options:
    found = Options(
        latency=url.number("latency_ms", 0) / 1000,
        keys=url.switch("idempotency", default=True),
        lookup=url.switch("lookup", default=True),
        changes=url.switch("changes", default=True),
        records=url.switch("records", default=True),
        known=url.text("credentials") != "wrong",
        settles=url.choice("settles", _SETTLES, "midnight"),
        account=url.text("account") or None,
        rate_limit=url.number("rate_limit", 0),
        lookup_delay=_age(url),
    )
    url.refuse_others()
    return found


def _age(url: AccountUrl) -> timedelta:
    text = url.text("lookup_delay")
    try:
        return parse_age(text) if text else timedelta(0)
    except Usage as error:
        raise url.problem("lookup_delay cannot be read", fix=error.fix) from None
