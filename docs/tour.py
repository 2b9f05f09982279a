"""Runs what README.md shows on a console, in a fresh demo shop, and writes what came out of it into the page.

python docs/tour.py            write it
python docs/tour.py --check    exit 1 if it is not what comes out
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
END = "-- end of what it says --"


def main() -> int:
    """Write the page, or with --check only compare it. Returns the exit code."""
    page = README.read_text(encoding="utf-8")
    blocks = [_commands(block) for block in BLOCK.findall(page)]
    with tempfile.TemporaryDirectory() as folder:
        _as_after_the_first_line(Path(folder))
        said = iter(play([command for block in blocks for command in block], Path(folder)))
    shown = iter("".join(f"$ {command}\n{next(said)}" for command in block) for block in blocks)
    played = BLOCK.sub(lambda _block: f"```console\n{next(shown)}```", page)
    if played == page:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"README.md does not show what csctl says: run python {Path(__file__).name}", file=sys.stderr)
        return 1
    README.write_text(played, encoding="utf-8")
    return 0


def _commands(block: str) -> list[str]:
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def _as_after_the_first_line(folder: Path) -> None:
    """The folder as the page's first line leaves it: with csctl in a virtual environment, and the demo."""
    programs = Path(sysconfig.get_path("scripts"))
    if (programs / "activate").is_file():
        (folder / ".venv").symlink_to(programs.parent)
    else:  # csctl is installed for the whole machine
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "activate").write_text(f'PATH="{programs}:$PATH"\n', encoding="utf-8")
    subprocess.run(  # noqa: S603 - our own program
        [programs / "csctl", "demo"], cwd=folder, env=_environment(), capture_output=True, check=True
    )


def play(commands: Sequence[str], folder: Path) -> list[str]:
    """What each command prints, results and notices as a terminal shows them. One shell runs them all."""
    script = "".join(f"{command}\nprintf '%s\\n' '{END}'\n" for command in commands)
    done = subprocess.run(  # noqa: S603 - the page is ours
        ["/bin/sh", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    every = done.stdout.split(f"{END}\n")
    return ["".join(f"{line.rstrip()}\n" for line in said.splitlines()) for said in every]


def _environment() -> dict[str, str]:
    """The caller's, without csctl: neither settings nor the program itself, which the page has to bring into reach."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CSCTL_")}
    folders = [folder for folder in ours.get("PATH", "").split(os.pathsep) if not (Path(folder) / "csctl").exists()]
    return {**ours, "PATH": os.pathsep.join(folders), "COLUMNS": "100"}


if __name__ == "__main__":
    sys.exit(main())
