"""Runs what README.md shows on a console, in a fresh demo shop, and writes what came out of it into the page.

python docs/tour.py            write it
python docs/tour.py --check    exit 1 if it is not what comes out
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def main() -> int:
    """Write the page, or with --check only compare it. Returns the exit code."""
    page = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "csctl-demo"
        run(f"csctl demo {shop}", Path(folder))
        played = BLOCK.sub(lambda block: f"```console\n{play(block[1], shop)}```", page)
    if played == page:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"README.md does not show what csctl says: run python {Path(__file__).name}", file=sys.stderr)
        return 1
    README.write_text(played, encoding="utf-8")
    return 0


def play(block: str, shop: Path) -> str:
    """The block, each of its commands followed by what it prints now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{run(line[2:], shop)}" for line in commands)


def run(command: str, folder: Path) -> str:
    """What a command line prints, results and notices as a terminal shows them."""
    if command.startswith("cd "):
        return ""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CSCTL_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(  # noqa: S603 - the page is ours
        ["/bin/sh", "-c", f"{command} 2>&1"],
        cwd=folder,
        env={**ours, "PATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())
