"""Changes to customers."""
