"""Payment gateways: what csctl asks of one, and those it can talk to."""
