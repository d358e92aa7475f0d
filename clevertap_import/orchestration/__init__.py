"""All modules that use Dagster, except the commands."""
