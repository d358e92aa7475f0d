"""The same workshop that the tests of the orchestration have."""

from clevertap_import_tests.orchestration.conftest import instance, workshop

__all__ = ["instance", "workshop"]
