"""How the journal's tables came to be, one step a file; run by Alembic when a database lacks one."""
