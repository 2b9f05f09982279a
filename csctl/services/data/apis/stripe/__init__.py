"""Import from Stripe: its objects as records. Money stays with Stripe, and what it bills is billed there."""
