"""Products and fulfillments."""
