"""Writes docs/reference.md from what csctl itself says, its help and its topics, the tables of docs/security.md from
the tables of the code, and the names that shells complete (commands/cli/outline.json) from the commands.

python docs/generate.py            write them
python docs/generate.py --check    exit 1 if they are not up to date
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from csctl.domain import grants
from csctl.domain.permissions import FORMS, OPEN_TO_ALL, PERMISSIONS
from csctl.domain.states import Role

REFERENCE = Path(__file__).with_name("reference.md")
SECURITY = Path(__file__).with_name("security.md")
TOPICS = ("exit-codes", "environment", "gateways", "output", "ids")
INTRODUCTION = """\
# Reference

Made from `csctl --help` by `python docs/generate.py`; change the commands, not this page.
"""


def main() -> int:
    """Write the pages, or with --check only compare them. Returns the exit code."""
    os.environ["COLUMNS"] = "102"
    module = _root_module()
    outline = importlib.import_module(f"{module.__package__}.cli.outline")
    wanted = {
        REFERENCE: "\n".join(page(module)),
        SECURITY: _with_tables(SECURITY.read_text(encoding="utf-8")),
        outline.FILE: outline.text(module.root),
    }
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in sys.argv[1:]:
            print(f"{path} is out of date: run python {Path(__file__).name}", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if stale and "--check" in sys.argv[1:] else 0


def _with_tables(text: str) -> str:
    """The page about security, its tables as the code has them now."""
    for name, lines in (("permissions", _permissions()), ("grants", _grants())):
        before, begin, rest = text.partition(f"<!-- {name}: made by generate.py -->\n")
        _, end, after = rest.partition("<!-- end -->")
        text = before + begin + "\n".join(lines) + "\n" + end + after
    return text


def _root_module() -> ModuleType:
    """What the console script runs. Imported by its name alone, as the script does."""
    script = importlib.metadata.distribution("csctl").entry_points.select(group="console_scripts", name="csctl")
    return sys.modules[next(iter(script)).load().__module__]


def page(module: ModuleType) -> Iterator[str]:
    yield INTRODUCTION
    yield from ("## Who may run what\n", *_permissions(), "")
    for topic in TOPICS:
        yield from (f"## csctl help {topic}\n", _box(_said(module, "help", topic)))
    for words in _commands(click.Context(module.root, info_name="csctl")):
        yield from (f"## csctl {' '.join(words)}\n", _box(_said(module, *words, "--help")))


def _permissions() -> Iterator[str]:
    yield "| | " + " | ".join(role.value for role in Role) + " |"
    yield "|---" * (len(Role) + 1) + "|"
    for action, roles in sorted({**PERMISSIONS, **FORMS}.items()):
        shown = f"`{action}`" if action in PERMISSIONS else action
        yield f"| {shown} | " + " | ".join("yes" if role in roles else "" for role in Role) + " |"
    without = ", ".join(f"`{command}`" for command in sorted(OPEN_TO_ALL))
    yield f"\nNo operator is needed for {without}."


def _grants() -> Iterator[str]:
    yield "| table | " + " | ".join(f"`{grants.GROUPS[role]}`" for role in Role) + " |"
    yield "|---" * (len(Role) + 1) + "|"
    for table in sorted(grants.TABLES):
        rights = grants.rights(table)
        yield f"| `{table}` | " + " | ".join(", ".join(rights[role]) for role in Role) + " |"
    for function, roles in grants.FUNCTIONS.items():
        yield f"| `{function}` | " + " | ".join("EXECUTE" if role in roles else "" for role in Role) + " |"


def _commands(ctx: click.Context, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, in the order of `csctl --help`."""
    group = ctx.command
    if not isinstance(group, click.Group):
        yield words
        return
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None:
            yield from _commands(click.Context(command, info_name=name, parent=ctx), *words, name)


def _said(module: ModuleType, *words: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        module.run(list(words))
    return out.getvalue().strip("\n")


def _box(text: str) -> str:
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    sys.exit(main())
