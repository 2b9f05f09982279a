"""Mail servers, and emails that wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emails.servers import Certificate, MailServer, serving


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS and without users."""
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A folder for templates of one's own."""
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder
