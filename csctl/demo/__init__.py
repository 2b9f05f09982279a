"""The records of the shop that `csctl demo` makes: files as a shop's own system would export them."""
