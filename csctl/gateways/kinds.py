"""The kinds of gateways, and how an account of a kind is opened.

A kind is a module or object with

    def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace)

It returns a Gateway. It opens no connection and reads no more than its options; it raises Misconfigured for an invalid
URL. `rehearsal` says that the database is a rehearsal (test accounts are only for those), `now` is csctl's clock,
`zone` the shop's time zone, and `pace` limits the rate: call `pace.wait()` before each request, and
`pace.busy(retry_after)` after each refusal for too many requests.

csctl's own kinds are modules of this package. Others are found by their entry point in the group `csctl.gateways`,
named for the kind; it is loaded only when an account of that kind is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from csctl.errors import Misconfigured
from csctl.gateways import urls
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import Gateway
from csctl.gateways.urls import AccountUrl, InvalidAccount, is_word

GROUP = "csctl.gateways"
# kind -> its module, imported only when an account of that kind is opened
KINDS = {
    "sandbox": "csctl.gateways.sandbox",
    "stripe": "csctl.gateways.stripe",
    "authorizenet": "csctl.gateways.authorizenet",
    "nmi": "csctl.gateways.nmi",
    "checkoutchamp": "csctl.gateways.checkoutchamp",  # can be imported from, and pays nothing
}
# Calls per second if the URL has no rate. The vendors do not publish their limits.
_RATES = {"stripe": "20/s", "authorizenet": "5/s", "nmi": "5/s", "checkoutchamp": "5/s"}


class Opener(Protocol):
    """`open_account` of a kind."""

    def __call__(
        self, url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace
    ) -> Gateway: ...


def refuse_unknown(url: AccountUrl) -> None:
    """Raises Misconfigured for a kind that neither csctl nor an installed package has."""
    if url.kind not in KINDS and _entry_point(url.kind) is None:
        known = ", ".join(f"{kind}:…" for kind in (*KINDS, *_others()))
        kind = f" {url.kind!r}" if is_word(url.kind) else ""  # where the kind was left out, it is part of a key
        raise Misconfigured(f"{url.variable} names an unknown gateway{kind}", fix=f"write one of: {known}")


def rate_of(url: AccountUrl) -> str | None:
    """The maximum rate of calls, as `20/s`; None without a limit."""
    return url.options.get("rate", _RATES.get(url.kind))


def pace_of(url: AccountUrl) -> Pace:
    """The pace of calls. Raises Misconfigured."""
    return url.pace(rate_of(url))


def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace) -> Gateway:
    """Open the account of a URL. Raises Misconfigured, which names the setting."""
    refuse_unknown(url)
    try:
        return _opener(url)(urls.with_secret(url), rehearsal=rehearsal, now=now, zone=zone, pace=pace)
    except InvalidAccount:
        raise
    except Misconfigured as error:
        raise url.problem(error.message, cause=error.cause, fix=error.fix) from None


def _opener(url: AccountUrl) -> Opener:
    try:
        point = None if url.kind in KINDS else _entry_point(url.kind)
        found: object = point.load() if point else import_module(KINDS[url.kind])
    except ImportError as error:
        raise Misconfigured(
            f"the gateway {url.kind} is not installed", cause=str(error), fix=f"pip install 'csctl[{url.kind}]'"
        ) from None
    return cast(Opener, getattr(found, "open_account", found))


def _entry_point(kind: str) -> EntryPoint | None:
    return next(iter(entry_points(group=GROUP, name=kind)), None)


def _others() -> list[str]:
    return sorted(entry_points(group=GROUP).names)
