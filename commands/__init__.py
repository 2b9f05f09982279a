"""The command line. `main` is what the console script runs."""

from .entry import main

__all__ = ["main"]
