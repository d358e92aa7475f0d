"""Fixtures that every room of tests may use: a local CleverTap and a local Snowflake."""

pytest_plugins = ["clevertap_import_tests.fixtures_clevertap", "clevertap_import_tests.fixtures_snowflake"]
