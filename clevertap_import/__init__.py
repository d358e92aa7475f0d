"""User profiles and events from Snowflake into CleverTap, as Dagster assets."""

__version__ = "0.1.0"
