"""The ops console: pages for the shop's staff, rendered on the server."""
