"""Everything that is asked of Snowflake, and how its answers are read."""
