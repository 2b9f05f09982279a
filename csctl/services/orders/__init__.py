"""Creating and cancelling orders."""
