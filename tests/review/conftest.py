"""The stores and worlds of the integration suite."""

from tests.integration.conftest import sqlite_template, store, store_url, world

__all__ = ["sqlite_template", "store", "store_url", "world"]
