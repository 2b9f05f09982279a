"""csctl: customer service for shops with subscriptions, from the shell."""

__version__ = "0.1.0"
