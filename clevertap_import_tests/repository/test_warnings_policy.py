"""Which warnings are errors here: all, but what libraries say of their own code and of their own future."""

import warnings

import pytest

LIBRARIES = ("dagster._core.storage.runs", "importlib._bootstrap", "asyncio.events")


def warn(kind: type[Warning], module: str) -> None:
    warnings.warn_explicit("Something.", kind, f"{module.replace('.', '/')}.py", 1, module, registry={})


@pytest.mark.parametrize(
    "module", ["clevertap_import.staging.stage", "clevertap_import_tests.testing.builders"]
)
@pytest.mark.parametrize("kind", [DeprecationWarning, PendingDeprecationWarning, FutureWarning])
def test_what_our_own_lines_cause_is_an_error(module: str, kind: type[Warning]) -> None:
    with pytest.raises(kind):
        warn(kind, module)


@pytest.mark.parametrize("module", LIBRARIES)
def test_what_libraries_will_have_to_change_is_none(module: str) -> None:
    warn(DeprecationWarning, module)
    warn(PendingDeprecationWarning, module)


@pytest.mark.parametrize("module", LIBRARIES)
@pytest.mark.parametrize(
    "kind", [ResourceWarning, RuntimeWarning, UserWarning, pytest.PytestUnraisableExceptionWarning]
)
def test_what_is_left_open_or_goes_wrong_is_an_error_wherever_it_is(module: str, kind: type[Warning]) -> None:
    with pytest.raises(kind):
        warn(kind, module)
