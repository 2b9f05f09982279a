"""What is not imported until it is needed, and from outside of csctl. Who may import whom is in pyproject.toml."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import make_payment_method
from tests.selection import on_sqlite
from tests.shops import Shop

ROOT = Path(__file__).parent.parent
HEAVY = ("sqlalchemy", "alembic", "jinja2", "tabulate", "stripe", "psycopg")


def test_the_domain_knows_no_database_and_no_files() -> None:
    found = {
        (file.name, name)
        for file in (ROOT / "csctl" / "domain").rglob("*.py")
        for name in imports(file)
        if name.partition(".")[0] in {"sqlalchemy", "click", "os", "pathlib", "socket", "sqlite3", "subprocess"}
    }

    assert found == set()


def test_nothing_in_csctl_imports_the_commands() -> None:
    """They are mapped into the package when it is built; only the console script names them."""
    found = {file.name for file in (ROOT / "csctl").rglob("*.py") if "commands" in imported_parts(file)}

    assert found == set()


def test_commands_import_services_only_when_they_are_called() -> None:
    """Otherwise `--help` and completion would wait for SQLAlchemy."""
    heavy = {"app", "database", "models", "services", "gateways", "mail", "phone"}
    found = {
        (file.name, name)
        for file in (ROOT / "commands").rglob("*.py")
        for name in imported_parts(file, only_at_the_top=True)
        if name in heavy
    }

    assert found == set()


def test_commands_hold_no_sql() -> None:
    found = {
        (file.name, name)
        for file in (ROOT / "commands").rglob("*.py")
        for name in imports(file)
        if name.startswith(("sqlalchemy", "csctl.models", "csctl.database"))
    }

    assert found == set()


@pytest.mark.parametrize(
    "words",
    ["--help", "--version", "customer --help", "txn refund --help", "help exit-codes", "completion bash", "nonsense"],
)
def test_help_imports_nothing_heavy(words: str) -> None:
    script = f"""
import importlib.metadata, sys
main = importlib.metadata.distribution("csctl").entry_points["csctl"].load()
try:
    main({words.split()!r})
except SystemExit:
    pass
print("heavy:", *[name for name in {HEAVY!r} if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "heavy:", done.stderr


# What --version and --help may import beside csctl's own modules and what `import click` imports.
START = {
    *(
        "_locale",
        "click._textwrap",
        "click.shell_completion",
        "copy",
        "dataclasses",
        "gc",
        "locale",
        "signal",
        "textwrap",
    ),
    "unicodedata",
}


# What every start imports of csctl, beside the command line.
BARE = {"card_numbers", "domain", "domain.text", "errors", "interrupts"}


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_the_start_imports_what_is_listed_and_no_more(words: str) -> None:
    script = f"""
import sys
import importlib.metadata, click
before = set(sys.modules)
from csctl.commands import main
try:
    main([{words!r}])
except SystemExit:
    pass
print("more:", *sorted(name for name in set(sys.modules) - before if not name.startswith("csctl")))
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(done.stdout.splitlines()[-1].split()[1:]) - START == set()


def test_completing_names_imports_no_command() -> None:
    script = """
import os, sys
from csctl.commands import main
for line in ("csctl ", "csctl queue notify ", "csctl txn refund txn_1 --"):
    os.environ |= {"_CSCTL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    try:
        main([])
    except SystemExit:
        pass
print(*[name for name in sys.modules if name.startswith("csctl.") and "cli" not in name])
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert {"plain,customer", "plain,add", "plain,--reason"} < set(done.stdout.splitlines())
    own = {name.removeprefix("csctl.") for name in done.stdout.splitlines()[-1].split()}
    assert own == {"commands", "commands.entry", "commands.root", *BARE}


# What `customer show` imports of csctl beside its command, domain rules and tables.
SHOW = {
    *(
        "app",
        "bootstrap",
        "clock",
        "database",
        "driver_errors",
        "fault_points",
        "journal",
        "mail.outgoing",
        "paths",
        "profiles",
    ),
    *("results", "settings", "tabular.options", "unreadable"),
    *(f"services.administration.{name}" for name in ("opening", "operators", "settings")),
    *(f"services.emails.{name}" for name in ("announce", "contexts")),
    *("services.blacklist.matching", "services.customers.lookup", "services.outcomes.refund"),
    "services.refunds.approvals",
    *(f"services.shared.{name}" for name in ("access", "added", "audit", "bulk", "damage", "field_values", "filters")),
    *(f"services.shared.{name}" for name in ("history", "listing", "naming", "operator_names")),
    *(f"services.views.{name}" for name in ("completion", "customers", "fulfillments", "history", "orders")),
    *(f"services.views.{name}" for name in ("products", "profile", "queue", "transactions")),
}
LIBRARIES = {"click", "csctl", "platformdirs", "sqlalchemy", "typing_extensions", "wcwidth"}


@on_sqlite
def test_a_profile_imports_what_is_listed_and_no_more(shop: Shop) -> None:
    make_payment_method(shop)
    script = """
import sys
before = {name.partition(".")[0] for name in sys.modules}
from csctl.commands import main
try:
    main(["customer", "show", "cus_1"])
except SystemExit:
    pass
new = {name.partition(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
print(*[name for name in new if name.isidentifier() and not name.startswith("_") and "cython" not in name])
print(*[name.removeprefix("csctl.") for name in sys.modules if name.startswith("csctl.")])
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **shop.environment()},
        capture_output=True,
        text=True,
        check=True,
    )

    *profile, libraries, own = done.stdout.splitlines()
    assert "cus_1" in profile[0], done.stderr
    assert set(libraries.split()) == LIBRARIES
    packages = {name.rpartition(".")[0] for name in own.split()}
    beside = {name for name in own.split() if name.partition(".")[0] not in ("commands", "domain", "models")}
    assert beside - packages - BARE == SHOW


@on_sqlite
def test_a_list_of_transactions_imports_no_gateway(shop: Shop) -> None:
    script = """
import sys
from csctl.commands import main
try:
    main(["txn", "list"])
except SystemExit as done:
    print("exit:", done.code)
print("more:", *[name for name in sys.modules if name.startswith(("httpcore", "httpx", "csctl.gateways."))])
"""
    account = {"CSCTL_GATEWAY_MAIN": "stripe:sk_test_1"}

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **shop.environment(), **account},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-2:] == ["exit: 0", "more:"], done.stdout


def test_the_tables_import_no_dialect_that_is_not_used() -> None:
    script = "import sys, csctl.models; print([name for name in sys.modules if 'dialects.postgresql' in name])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def imported_parts(file: Path, *, only_at_the_top: bool = False) -> set[str]:
    """The parts of csctl that a file imports: `services` of `from csctl.services import refunds`."""
    return {
        name.split(".")[1]
        for name in imports(file, only_at_the_top=only_at_the_top)
        if name.startswith("csctl.") and name != "csctl.__version__"
    }


def imports(file: Path, *, only_at_the_top: bool = False) -> Iterator[str]:
    """The dotted names that a file imports, but for what is there for type checkers alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in tree.body if only_at_the_top else ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
