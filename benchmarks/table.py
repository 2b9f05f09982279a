"""The table of results, on the terminal and in docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from pathlib import Path

from benchmarks.figure import Result

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def lines(results: list[Result]) -> list[str]:
    """Markdown, which a terminal shows well enough."""
    head = ["| what | csctl | instead | ratio | goal |", "|---|---|---|---|---|"]
    return head + [
        f"| {one.name} | {_shown(one.ours, one.unit)} | {_instead(one)} | {_ratio(one)} | {one.goal} |"
        for one in results
    ]


def growth(sizes: Mapping[int, list[Result]]) -> list[str]:
    """A column for each size, and by how much a figure grows with ten times the customers. A ratio is that of the
    largest shop.
    """
    columns = " | ".join(f"{rows:,}" for rows in sizes)
    head = [f"| what | {columns} | ten times the customers | instead | ratio | goal |", "|---" * (len(sizes) + 5) + "|"]
    tenfolds = log10(max(sizes) / min(sizes))
    body = []
    for row in zip(*sizes.values(), strict=True):
        last, figures = row[-1], " | ".join(_shown(one.ours, one.unit) for one in row)
        slope = f"{(last.ours / row[0].ours) ** (1 / tenfolds):.1f} times"
        body.append(f"| {last.name} | {figures} | {slope} | {_instead(last)} | {_ratio(last)} | {last.goal} |")
    return head + body


def write(title: str, lines: list[str]) -> None:
    """Replace the table with this title (`SQLite, 1,000,000 customers`) in the page, or add it at the end."""
    begin, end = f"<!-- {title} -->", f"<!-- end of {title} -->"
    text = PAGE.read_text()
    table = "\n".join([begin, "", *lines, "", end])
    if begin in text:
        before, rest = text.split(begin)
        text = before + table + rest.split(end)[1]
    else:
        text = f"{text.rstrip()}\n\n### {title}\n\n{table}\n"
    PAGE.write_text(text)


def _shown(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
    return f"{number} {unit}"


def _instead(result: Result) -> str:
    return "" if result.other is None else f"{_shown(result.other, result.unit)} ({result.instead})"


def _ratio(result: Result) -> str:
    return "" if result.ratio is None else f"{result.ratio:.2f}"
