"""Turns `csctl queue stats -o json` on standard input into metrics for the textfile collector of Prometheus.

csctl queue stats -o json | python3 csctl_metrics.py > csctl.prom
"""

from __future__ import annotations

import json
import sys

METRICS = {
    "items": "Refunds in the queue.",
    "amount": "Total amount of the refunds in the queue.",
    "due_today": "Refunds in the queue that are due today.",
    "due_amount": "Total amount of the refunds that are due today.",
}


def main() -> None:
    rows = json.load(sys.stdin)
    for field, meaning in METRICS.items():
        name = f"csctl_queue_{field}"
        print(f"# HELP {name} {meaning}\n# TYPE {name} gauge")
        for row in rows:
            print(f'{name}{{state="{row["state"]}",currency="{row["currency"]}"}} {row[field] or 0}')


if __name__ == "__main__":
    main()
