"""Fixtures that every room of tests may use: a local CleverTap, a local Snowflake, PostgreSQL."""

from hypothesis import settings

pytest_plugins = [
    "clevertap_import_tests.fixtures_clevertap",
    "clevertap_import_tests.fixtures_postgresql",
    "clevertap_import_tests.fixtures_snowflake",
]

# A busy machine is no reason for a law to fail.
settings.register_profile("clevertap_import", deadline=None)
settings.load_profile("clevertap_import")
