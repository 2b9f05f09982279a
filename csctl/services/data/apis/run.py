"""Import from the API of another system, by its name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from csctl.clock import rfc3339
from csctl.errors import Usage
from csctl.services.data.apis import intake
from csctl.services.data.apis.intake import ApiJob, Progress
from csctl.services.data.importing.job import Count
from csctl.services.shared import listing

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.gateways.checkoutchamp.adapter import CheckoutChamp
    from csctl.gateways.protocol import Gateway
    from csctl.gateways.stripe.adapter import Stripe
    from csctl.services.data.apis.checkoutchamp.api import CheckoutChampApi
    from csctl.services.data.apis.stripe.api import StripeApi


def run(app: App, job: ApiJob, progress: Progress) -> list[Count]:
    """Import what an account has: the counts of each kind. Raises Usage for an account of another kind."""
    if job.account not in app.gateways:
        raise Usage(f"there is no account {job.account}", fix=f"set CSCTL_GATEWAY_{job.account.upper()}={job.system}:…")
    if (kind := app.gateways.kind(job.account)) != job.system:
        raise Usage(f"the account {job.account} is {kind}, not {job.system}", fix="csctl gateway list")
    since, _until = listing.period(app.clock, job.since, None)
    job = replace(job, since=rfc3339(since) if since else None, asked=job.since)
    gateway = app.gateways[job.account].confirmed()
    with closing(_api(app, job, gateway)) as api:
        return intake.run(app, api, job, progress)


def _api(app: App, job: ApiJob, gateway: Gateway) -> StripeApi | CheckoutChampApi:
    if job.system == "stripe":
        from csctl.services.data.apis.stripe.api import StripeApi

        return StripeApi(cast("Stripe", gateway).client, job.account)
    from csctl.services.data.apis.checkoutchamp.api import CheckoutChampApi

    client = cast("CheckoutChamp", gateway).client
    return CheckoutChampApi(client, job.account, merchants(job.merchants), app.clock.zone)


def merchants(given: tuple[str, ...]) -> dict[str, str]:
    """`12=main`: what CheckoutChamp's merchant 12 is as an account of csctl. Raises Usage."""
    found = {}
    for text in given:
        number, _, name = text.partition("=")
        if not number.strip() or not name.strip():
            raise Usage(f"--map-merchant {text!r} cannot be read", fix="write it like --map-merchant 12=main")
        found[number.strip()] = name.strip()
    return found
