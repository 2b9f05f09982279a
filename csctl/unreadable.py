"""The exceptions of reading a damaged record in code that does not expect damage."""

from __future__ import annotations

from decimal import InvalidOperation  # not in errors.py, which csctl --help imports

UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, OverflowError, InvalidOperation)
