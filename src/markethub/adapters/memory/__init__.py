"""The store in memory: lost at exit, but with the manners of a database."""
