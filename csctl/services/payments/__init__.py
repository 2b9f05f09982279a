"""Operations at gateways: intent, call, outcome."""
