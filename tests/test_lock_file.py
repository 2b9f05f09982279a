"""requirements.lock: every package that csctl uses, in a version that pyproject.toml allows, with hashes alone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
_LOCKED = re.compile(
    r"^([a-z0-9._-]+)==(\S+)(?: ; ([^\\]+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def wanted() -> list[Requirement]:
    """What csctl depends on, with the extras that the lock file is for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [Requirement(text) for text in (*project["dependencies"], *extras["postgres"], *extras["gateways"])]


def test_the_lock_file_satisfies_the_bounds_of_every_dependency() -> None:
    locked = {name: version for name, version, _, _ in _LOCKED.findall(LOCK)}

    assert [str(one) for one in wanted() if locked.get(canonicalize_name(one.name), "0") not in one.specifier] == []


def test_the_lock_file_holds_nothing_but_versions_and_hashes() -> None:
    rest = _LOCKED.sub("", LOCK).splitlines()

    assert len(_LOCKED.findall(LOCK)) > 20
    assert [line for line in rest if not line.startswith("#")] == []


def test_a_major_release_of_a_library_is_not_taken_untested() -> None:
    of_data = {"pycountry", "tzdata", "certifi"}  # their versions are dates

    assert {one.name for one in wanted() if "<" not in str(one.specifier)} == of_data
