"""Profiles: shops by name, in `config.toml` of the user's configuration directory, each with a token of its own."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from csctl import paths
from csctl.errors import Conflict, Misconfigured, NotFound, Usage

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Profile:
    """One shop: where its database is, a file with its other settings, and what people call it."""

    name: str
    database: str | None = None
    env_file: Path | None = None
    label: str | None = None


@dataclass(frozen=True)
class Profiles:
    """All profiles of this user, and the current one."""

    found: Mapping[str, Profile] = field(default_factory=dict)
    current: str | None = None

    def named(self, name: str) -> Profile:
        """Raises Misconfigured for an unknown name."""
        if name not in self.found:
            known = ", ".join(sorted(self.found)) or "there are none yet"
            raise Misconfigured(
                f"there is no profile {name[:40]!r}", cause=f"profiles: {known}", fix=f"csctl profile add {name[:40]}"
            )
        return self.found[name]

    def with_profile(self, profile: Profile) -> Profiles:
        """Raises Conflict if the name is taken."""
        if profile.name in self.found:
            raise Conflict(
                f"there is a profile {profile.name} already", fix=f"csctl profile remove {profile.name}, then add it"
            )
        return replace(self, found={**self.found, profile.name: profile})

    def without(self, name: str) -> Profiles:
        """Raises NotFound for an unknown name."""
        require(self, name)
        left = {one: profile for one, profile in self.found.items() if one != name}
        return Profiles(left, None if self.current == name else self.current)


def require(profiles: Profiles, name: str) -> None:
    """Raises NotFound for an unknown name."""
    if name not in profiles.found:
        raise NotFound(f"there is no profile {name[:40]!r}", fix="csctl profile list")


def acceptable_name(name: str) -> str:
    """A valid name of a profile: its token is stored in a file of that name. Raises Usage."""
    if not _NAME.fullmatch(name):
        raise Usage(f"{name[:40]!r} is not valid as the name of a profile", fix="use letters, digits, and . _ - inside")
    return name


def config_dir() -> Path:
    """The user's configuration directory of csctl."""
    return paths.of_user("config")


def config_file() -> Path:
    return config_dir() / "config.toml"


def token_file(profile: str | None = None) -> Path:
    """The file that `csctl login` writes: for a profile, or without one."""
    return config_dir() / "tokens" / profile if profile else config_dir() / "token"


def names() -> list[str]:
    """The names of all profiles; empty where the file cannot be read. For completion."""
    try:
        return sorted(load().found)
    except (Misconfigured, OSError):
        return []


def load() -> Profiles:
    """Read the profiles of this user. Raises Misconfigured for an invalid file."""
    try:
        path = config_file()
    except Misconfigured:  # without a home directory there are none
        return Profiles()
    if not path.is_file():
        return Profiles()
    try:
        return _read(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise Misconfigured(f"{path} is not valid", cause=str(error), fix=f"correct it, or delete {path}") from None


def _read(data: Mapping[str, Any]) -> Profiles:
    found = {
        name: Profile(
            name,
            database=values.get("database"),
            env_file=Path(values["env_file"]) if "env_file" in values else None,
            label=values.get("label"),
        )
        for name, values in data.get("profiles", {}).items()
    }
    return Profiles(found, data.get("current"))


def save(profiles: Profiles) -> None:
    """Write the profiles, readable by their owner alone: a database URL may contain a password."""
    lines = [f"current = {_quoted(profiles.current)}", ""] if profiles.current else []
    for profile in profiles.found.values():
        lines.append(f"[profiles.{_quoted(profile.name)}]")
        values = {"database": profile.database, "env_file": profile.env_file, "label": profile.label}
        lines += [f"{name} = {_quoted(str(value))}" for name, value in values.items() if value is not None]
        lines.append("")
    write_private(config_file(), "\n".join(lines))


def _quoted(text: str) -> str:
    # Every JSON string is a basic string of TOML, except for DEL.
    return json.dumps(text).replace("\x7f", "\\u007f")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step: a concurrent reader sees the old one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.new{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
