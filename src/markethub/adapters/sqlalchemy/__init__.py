"""The store on SQLite and PostgreSQL, written with SQLAlchemy Core."""
