"""The mappings that come with csctl: files in the same language as a user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from csctl.errors import NotFound
from csctl.services.data.mapping import toml
from csctl.services.data.mapping.language import Mappings

_ENDING = ".toml"


def names() -> list[str]:
    """The names of all, in alphabetical order."""
    files = resources.files("csctl.services.data.mapping").joinpath("named").iterdir()
    return sorted(file.name.removesuffix(_ENDING) for file in files if file.name.endswith(_ENDING))


def text(name: str) -> str:
    """A mapping as it is written. Raises NotFound."""
    if name not in names():
        raise NotFound(f"there is no mapping {name!r}", fix=f"one of: {', '.join(names())}")
    folder = resources.files("csctl.services.data.mapping").joinpath("named")
    return folder.joinpath(name + _ENDING).read_text(encoding="utf-8")


def table(name: str) -> Mapping[str, Any]:
    return tomllib.loads(text(name))


def read(name: str) -> Mappings:
    return toml.of(table(name), None, name)


def rows() -> list[dict[str, str]]:
    """A row for each mapping: what it is called, which kinds it has, and which export it is for."""
    return [
        {
            "name": name,
            "kinds": ", ".join(dict.fromkeys(section.kind.name for section in read(name).in_order())),
            "about": text(name).partition("\n")[0].removeprefix("#").strip(),
        }
        for name in names()
    ]
