"""The seeded shop in the local Snowflake."""
