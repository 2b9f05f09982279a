"""The built-in emails."""
