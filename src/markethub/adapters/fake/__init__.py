"""A simulated Stripe account and the gateway that talks to it in process."""
