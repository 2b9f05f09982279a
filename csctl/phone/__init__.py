"""The edge to telephone switches."""
