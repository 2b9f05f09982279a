"""The changes that follow from the answer of a gateway."""
