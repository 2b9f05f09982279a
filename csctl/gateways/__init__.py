"""Payment gateways: their protocol, and the built-in kinds."""
