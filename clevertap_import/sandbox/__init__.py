"""A local Snowflake and a faithful local CleverTap, each a process of its own, reached by URL."""
