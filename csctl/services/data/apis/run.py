"""Import from the API of another system, by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from csctl.clock import rfc3339
from csctl.errors import Usage
from csctl.services.data.apis import intake
from csctl.services.data.apis.intake import ApiJob, Progress
from csctl.services.data.importing.job import Count
from csctl.services.shared import listing

if TYPE_CHECKING:
    from csctl.app import App


def run(app: App, job: ApiJob, progress: Progress) -> list[Count]:
    """Import what an account has: the counts of each kind. Raises Usage for an account of another kind."""
    if job.account not in app.gateways:
        raise Usage(f"there is no account {job.account}", fix=f"set CSCTL_GATEWAY_{job.account.upper()}={job.system}:…")
    if (kind := app.gateways.kind(job.account)) != job.system:
        raise Usage(f"the account {job.account} is {kind}, not {job.system}", fix="csctl gateway list")
    since, _until = listing.period(app.clock, job.since, None)
    return _stripe(app, replace(job, since=rfc3339(since) if since else None), progress)


def _stripe(app: App, job: ApiJob, progress: Progress) -> list[Count]:
    from csctl.gateways.stripe.adapter import Stripe
    from csctl.services.data.apis.stripe.api import StripeApi

    gateway = app.gateways[job.account].confirmed()
    if not isinstance(gateway, Stripe):
        raise Usage(f"the account {job.account} is not stripe", fix="csctl gateway list")
    api = StripeApi(gateway.client, job.account)
    try:
        return intake.run(app, api, job, progress)
    finally:
        api.close()
