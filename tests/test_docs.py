"""The documentation says what csctl does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories import make_sale
from tests.running import Done
from tests.selection import on_sqlite
from tests.shops import Shop

ROOT = Path(__file__).parent.parent


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_the_reference_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_the_readme_names_all_commands(csctl: Callable[..., Done]) -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| group | purpose |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`([a-z]+)`", line[: line.rfind(" | ")])}

    assert named == set(re.findall(r"^  ([a-z]+)  ", csctl("--help").out, re.MULTILINE))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "operations.md"], ids=lambda page: page.name)
def test_cron_finds_what_its_lines_name(page: Path) -> None:
    """It has neither the path nor the environment of their author."""
    block = "".join(re.findall(r"```cron(?:tab)?\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    csctl = "/opt/csctl/bin/csctl --env-file /etc/csctl/csctl.env"
    lines = [line for line in block.replace("$CSCTL", csctl).splitlines() if re.match(r"[\d*]", line)]

    assert lines
    assert [line for line in lines if line.split(maxsplit=5)[5].startswith(f"{csctl} ") is False] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]

    assert [link for link in local if not (page.parent / link).exists()] == []


@on_sqlite
def test_the_prometheus_example_reads_queue_stats(shop: Shop) -> None:
    make_sale(shop, amount="5.00", token="tok_refund_declined")
    shop("txn refund txn_1 --yes")
    stats = shop("queue stats -o json").out

    script = ROOT / "docs" / "examples" / "prometheus" / "csctl_metrics.py"
    done = subprocess.run([sys.executable, script], input=stats, capture_output=True, text=True, check=True)

    assert 'csctl_queue_items{state="queued",currency="USD"} 1' in done.stdout.splitlines()
    assert 'csctl_queue_amount{state="queued",currency="USD"} 5.00' in done.stdout.splitlines()
