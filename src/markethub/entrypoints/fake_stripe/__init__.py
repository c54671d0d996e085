"""The simulated account behind Stripe's own HTTP API."""

from markethub.entrypoints.fake_stripe.router import fake_stripe_router

__all__ = ["fake_stripe_router"]
