"""Run the revisions over the connection, and in the transaction, of whoever asks."""

from alembic import context

from markethub.adapters.sqlalchemy.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a table: it is copied
)
context.run_migrations()
