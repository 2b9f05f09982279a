"""The report on refunds as one HTML file: no scripts, no links to other files, charts as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from csctl.domain.money import Money, totals
from csctl.domain.text import printable
from csctl.paths import shipped
from csctl.services.views.refund_report import Line, Report

if TYPE_CHECKING:
    from csctl.app import App

_MOST_BARS = 12  # groups with a bar of their own; the others are added up
_MOST_COLUMNS = 62  # days side by side; more are shown by week
_WIDEST_COLUMN = 40
_OTHERS = "(others)"
_CHART_WIDTH, _CHART_HEIGHT = 720, 160


@dataclass(frozen=True)
class Bar:
    """One group. `share` is its part of the largest one, 0 to 100."""

    name: str
    amount: str
    refunds: int
    outside: str
    chargebacks: str
    share: float


@dataclass(frozen=True)
class Column:
    """One day or week of the chart over time, in its units."""

    name: str
    amount: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Section:
    """All of one currency."""

    currency: str
    total: str
    refunds: int
    bars: Sequence[Bar]
    columns: Sequence[Column]
    by_week: bool
    first: str
    last: str
    highest: str


def render(app: App, report: Report) -> str:
    """Render the page. Names that operators wrote are escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # slow to import

    environment = Environment(
        loader=FileSystemLoader(shipped("templates") / "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("refunds.html").render(
        shop=printable(app.shop.name),
        by=report.by,
        since=report.since,
        until=report.until,
        made_on=app.clock.today().isoformat(),
        zone=str(app.clock.zone),
        rehearsal=app.rehearsal,
        sections=[_section(currency, report) for currency in sorted({line.currency for line in report.lines})],
        chart={"width": _CHART_WIDTH, "height": _CHART_HEIGHT},
    )


def _section(currency: str, report: Report) -> Section:
    lines = [line for line in report.lines if line.currency == currency]
    days = [line for line in report.days if line.currency == currency]
    columns, by_week = _columns(days)
    return Section(
        currency,
        _said(sum(line.amount for line in lines), currency),
        sum(line.refunds for line in lines),
        _bars(lines, in_order=report.by == "day"),
        columns,
        by_week,
        columns[0].name,
        columns[-1].name,
        max(columns, key=lambda column: column.height).amount,
    )


def _said(amount: int, currency: str) -> str:
    """An amount as a person reads it: `1,204.10 USD`."""
    return totals([Money(amount, currency)])


def _bars(lines: Sequence[Line], *, in_order: bool) -> list[Bar]:
    shown = list(lines)
    if not in_order and len(shown) > _MOST_BARS:
        shown, rest = shown[: _MOST_BARS - 1], shown[_MOST_BARS - 1 :]
        shown.append(_sum(_OTHERS, rest))
    largest = max(line.amount for line in shown) or 1
    return [
        Bar(
            printable(line.group),
            _said(line.amount, line.currency),
            line.refunds,
            _said(line.outside, line.currency) if line.outside else "",
            _said(line.chargebacks, line.currency) if line.chargebacks else "",
            round(100 * line.amount / largest, 2),
        )
        for line in shown
    ]


def _sum(name: str, lines: Sequence[Line]) -> Line:
    total = Line(name, lines[0].currency)
    for line in lines:
        total.refunds += line.refunds
        total.amount += line.amount
        total.outside += line.outside
        total.chargebacks += line.chargebacks
    return total


def _columns(days: Sequence[Line]) -> tuple[list[Column], bool]:
    """A column for each day from the first to the last, including empty ones; by week if there are many."""
    found = {date.fromisoformat(line.group): line for line in days}
    first, last = min(found), max(found)
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    by_week = len(span) > _MOST_COLUMNS
    currency = days[0].currency
    weeks = [list(group) for _, group in groupby(span, key=lambda day: day.isocalendar()[:2])]
    periods = []
    for members in weeks if by_week else [[day] for day in span]:
        lines = [found[day] for day in members if day in found]
        periods.append(_sum(members[0].isoformat(), lines or [Line("", currency)]))
    highest = max(line.amount for line in periods) or 1
    step = _CHART_WIDTH / len(periods)
    width = min(step * 0.8, _WIDEST_COLUMN)
    return [
        Column(
            line.group,
            _said(line.amount, currency),
            round(place * step + (step - width) / 2, 2),
            round(_CHART_HEIGHT * (1 - line.amount / highest), 2),
            round(width, 2),
            round(_CHART_HEIGHT * line.amount / highest, 2),
        )
        for place, line in enumerate(periods)
    ], by_week
