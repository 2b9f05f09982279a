"""Send the emails of one process: templates, and one connection to the mail server for all of them."""

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
    """Renderer and connection, each created when it is first needed.

    `stopped` is why no further email is tried, `lost_in_a_row` counts successive lost connections, `said` the notices
    that were printed: each is printed once. `until` is the end of the time for emails, by `time.monotonic`.
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
        """Limit the time of all emails in this block, in seconds."""
        self.until = time.monotonic() + seconds
        try:
            yield
        finally:
            self.until = None

    def seconds_left(self) -> float:
        """The seconds that the next email may take; zero or less if no more are tried."""
        return LONGEST if self.until is None else min(LONGEST, self.until - time.monotonic())

    @cached_property
    def renderer(self) -> Renderer:
        from csctl.mail.rendering import Renderer

        return Renderer(self.shop, self.templates_dir)

    @cached_property
    def transport(self) -> Transport:
        """The transport, not connected yet. Raises Misconfigured for an invalid URL."""
        return open_transport(self.url)

    def close(self) -> None:
        """End the connection to the mail server."""
        if "transport" in self.__dict__:
            self.transport.close()


def open_transport(url: str | None) -> Transport:
    """The transport of CSCTL_MAIL_URL; connects to nothing yet. Raises Misconfigured."""
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
