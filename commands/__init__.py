"""The command line. `main` is what the console script runs."""

from .root import main

__all__ = ["main"]
