"""Create, charge and cancel orders."""
