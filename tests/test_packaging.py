"""The wheel: what is in it, and that it works where there is no checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = ("csctl", "commands", "templates", "migrations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources: building leaves files behind."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for folder in SHIPPED:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh environment with the wheel in it; what csctl depends on is borrowed from ours."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    # A path file is read without those that lie where it points: our own editable csctl stays invisible.
    (site_packages(venv) / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    yield venv
    shutil.rmtree(venv)


def test_the_wheel_puts_nothing_but_csctl_into_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}

    assert {name for name in top if not name.endswith(".dist-info")} == {"csctl"}


def test_the_wheel_ships_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    sources = {
        str(Path("csctl", *file.relative_to(ROOT).parts[folder == "csctl" :]))
        for folder in SHIPPED
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert sources - shipped == set()


def test_every_package_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {
        ".".join(["csctl", *file.parent.relative_to(ROOT).parts[folder == "csctl" :]])
        for folder in SHIPPED
        for file in (ROOT / folder).rglob("__init__.py")
    }

    assert set(project["tool"]["setuptools"]["packages"]) == packages


def test_an_installed_csctl_works_from_any_directory(installed: Path, tmp_path: Path) -> None:
    def csctl(*words: str) -> str:
        done = subprocess.run(
            [installed / "bin" / "csctl", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **env},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    env = {"CSCTL_DATABASE_URL": "sqlite:///shop.db"}
    env["CSCTL_TOKEN"] = json.loads(csctl("db", "init", "--admin", "jane", "--rehearsal", "-o", "json"))["token"]
    who = json.loads(csctl("whoami", "-o", "json"))

    assert who["name"] == "jane"
    assert csctl("--version").startswith("csctl ")
    assert json.loads(csctl("db", "status", "-o", "json"))["current"] is True


def test_the_installed_csctl_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Or the tests above would say nothing about the wheel."""
    where = "import csctl, csctl.commands; print(csctl.__file__); print(csctl.commands.__file__)"
    done = subprocess.run(
        [installed / "bin" / "python", "-c", where], capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert all(line.startswith(str(installed)) for line in done.stdout.splitlines())


def test_the_container_example_installs_and_starts_csctl(installed: Path, tmp_path: Path) -> None:
    lines = (ROOT / "docs" / "examples" / "container" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (install,) = [line for line in lines if "pip install" in line]
    (extra,) = re.findall(r"csctl\[(\w+)\]", install)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entry, default = (json.loads(line.partition(" ")[2]) for line in lines if line.startswith(("ENTRYPOINT ", "CMD ")))

    done = subprocess.run(
        [installed / "bin" / entry[0], *entry[1:], *default], capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert extra in project["optional-dependencies"]
    assert done.stdout.startswith("Usage: csctl")


def site_packages(venv: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
