"""The simulated account behind Stripe's own HTTP API."""
