"""The imports that a command or a call selects."""

import os
from collections.abc import Sequence

from clevertap_import.clevertap.client import account_settings
from clevertap_import.config.model import ImportConfig
from clevertap_import.project.folder import Imports, NoImports, imports_folder, load_folder
from clevertap_import.snowflake.session import snowflake_settings


def all_imports() -> Imports:
    """Every import, drafts included. Raises ConfigError if there is none at all."""
    folder = imports_folder(os.environ)
    imports = load_folder(folder)
    if not imports.loaded and not imports.drafts:
        raise NoImports(folder)
    return imports


def imports_named(names: Sequence[str]) -> list[ImportConfig]:
    """The imports called `names`. Raises ConfigError for a name that is unknown or a draft."""
    imports = all_imports()
    return [imports.called(name).config for name in names]


def runnable_imports(names: Sequence[str]) -> list[ImportConfig]:
    """The same. Raises ConfigError if the environment lacks settings of their source or account."""
    configs = imports_named(names)
    for config in configs:
        snowflake_settings(config.connection, os.environ)
        account_settings(config.account, os.environ)
    return configs
