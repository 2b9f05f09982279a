"""What the answer of a gateway changes."""
