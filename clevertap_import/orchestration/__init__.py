"""The only modules that know Dagster, beside the commands."""
