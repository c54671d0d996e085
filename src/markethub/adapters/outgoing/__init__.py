"""Webhooks of ours: signed, to one checked address."""
