"""The only rooms that know Dagster."""
