"""Alembic's door: runs the steps on the connection that `journal/tables.py` hands over."""

from alembic import context

VERSION_TABLE = "clevertap_import_version"
"""A name of our own: Dagster keeps its version in the same database under Alembic's usual name."""

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
