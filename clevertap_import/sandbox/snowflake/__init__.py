"""A local Snowflake, for the real connector."""
