"""Find csctl's own files: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

from csctl.errors import Misconfigured

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder `templates` or `migrations`, where this installation has it."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def of_user(kind: Literal["config", "data", "cache"]) -> Path:
    """The user's directory of csctl. Raises Misconfigured if there is no home directory."""
    from platformdirs import PlatformDirs  # slow to import, and not needed where everything is configured

    with suppress(RuntimeError):  # how platformdirs reports that there is none
        path = Path(getattr(PlatformDirs("csctl", appauthor=False), f"user_{kind}_dir"))
        if path.is_absolute():
            return path
    raise Misconfigured(
        "there is no home directory", cause="HOME is not set, and this user has no entry in passwd", fix="set HOME"
    )
