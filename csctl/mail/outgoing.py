"""The way out for the emails of one process: templates, and one connection to the mail server for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from csctl.domain.shop import Shop
from csctl.errors import CsctlError, Misconfigured

if TYPE_CHECKING:  # both import much, and most processes send no email
    from csctl.mail.rendering import Renderer
    from csctl.mail.transport import Transport

LONGEST = 60.0  # seconds that one email may take


@dataclass
class Outgoing:
    """Renderer and connection, each made when it is first needed.

    `stopped` is why no further email is tried, `lost_in_a_row` how many connections broke one after the other, `said`
    the notices that were given: the hundredth email that finds no server is no news. `until` is when the time for
    emails is over, by `time.monotonic`.
    """

    url: str | None
    shop: Shop
    templates_dir: Path | None = None
    stopped: CsctlError | None = None
    lost_in_a_row: int = 0
    said: set[str] = field(default_factory=set)
    until: float | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What is sent in this block has so many seconds in all."""
        self.until = time.monotonic() + seconds
        try:
            yield
        finally:
            self.until = None

    def seconds_left(self) -> float:
        """How long the next email may take; not above zero where none is tried any more."""
        return LONGEST if self.until is None else min(LONGEST, self.until - time.monotonic())

    @cached_property
    def renderer(self) -> Renderer:
        from csctl.mail.rendering import Renderer

        return Renderer(self.shop, self.templates_dir)

    @cached_property
    def transport(self) -> Transport:
        """The connection, not made yet. Raises Misconfigured for a URL that csctl does not understand."""
        return open_transport(self.url)

    def close(self) -> None:
        """End the connection to the mail server."""
        if "transport" in self.__dict__:
            self.transport.close()


def open_transport(url: str | None) -> Transport:
    """The way out that CSCTL_MAIL_URL names; connects to nothing yet. Raises Misconfigured."""
    if not url:
        raise Misconfigured(
            "no mail server is configured",
            cause="CSCTL_MAIL_URL is not set",
            fix="set CSCTL_MAIL_URL to file:DIR or smtp://user:password@host:587?tls=starttls",
        )
    from csctl.mail.folder import Folder
    from csctl.mail.smtp import Server
    from csctl.mail.transport import not_understood

    scheme = url.partition(":")[0]
    if scheme == "file":
        return Folder.at(url)
    if scheme in ("smtp", "smtps"):
        return Server.at(url)
    raise not_understood(url, "it begins with neither file:, smtp:// nor smtps://")
