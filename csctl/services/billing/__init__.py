"""Bill subscriptions: in the daily run and by hand."""
