"""Import from CheckoutChamp: its records by the days on which they were updated."""
