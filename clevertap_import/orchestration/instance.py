"""Opens Dagster's instance for commands."""

import os
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from clevertap_import.config.dagster_project import INSTANCE_FILE
from clevertap_import.errors import ConfigError
from clevertap_import.orchestration.dagster_internals import CheckError, ConfigurableClassData, InstanceRef
from clevertap_import.orchestration.event_storage import BATCH_SIZE, BATCH_VARIABLE, BatchingSqliteStorage
from clevertap_import.orchestration.opening import opening
from clevertap_import.orchestration.resources import home
from clevertap_import.orchestration.storage_trouble import StorageUnavailable, storage_trouble
from clevertap_import.private_files import FOLDER, make_private_folder, tighten


def open_instance() -> dg.DagsterInstance:
    """Dagster's instance in DAGSTER_HOME; without that, from this project's dagster.yaml, or in `.dagster`.

    Raises ConfigError if there is no such home, or its dagster.yaml is wrong; StorageUnavailable if its
    storage cannot be used.
    """
    os.environ.setdefault(BATCH_VARIABLE, str(BATCH_SIZE))
    try:
        folder = instance_folder()
        with opening(home()):
            ref = anchored(InstanceRef.from_dir(str(folder)), folder)
            return dg.DagsterInstance.from_ref(with_batches(ref))
    except OSError as error:
        raise StorageUnavailable(error) from None
    except CheckError as error:
        words = str(error).removeprefix("Failure condition: ")
        raise ConfigError(
            f"Dagster cannot start in its DAGSTER_HOME. {words}. Its dagster.yaml names a package that is not"
            " installed here, or a wrong name: install it, or correct the file."
        ) from None
    except Exception as error:
        trouble = storage_trouble(error)
        if trouble is None and isinstance(error, dg.DagsterError | yaml.YAMLError):
            raise ConfigError(f"Dagster cannot start in its DAGSTER_HOME. {error}") from None
        if trouble is None:
            raise
        raise trouble from None


def instance_folder() -> Path:
    """The folder whose dagster.yaml is used. Raises ConfigError if DAGSTER_HOME names none."""
    named = os.environ.get("DAGSTER_HOME")
    if named:
        folder = Path(os.path.expanduser(named))
        if not (folder.is_absolute() and folder.is_dir()):
            raise ConfigError(
                f'Dagster cannot start in its DAGSTER_HOME. $DAGSTER_HOME "{named}" must be a folder that'
                " exists, by its absolute path. Make it, or leave DAGSTER_HOME out."
            )
        return folder
    folder = home()
    make_private_folder(folder)
    tighten(folder, FOLDER)
    if (folder.parent / INSTANCE_FILE).is_file():
        return folder.parent
    (folder / "dagster.yaml").touch()
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def anchored(ref: InstanceRef, folder: Path) -> InstanceRef:
    """The same instance, with relative folders of its dagster.yaml below `folder`, not the current folder."""
    parts: dict[str, Any] = {
        name: below(part, folder)
        for name, part in ref._asdict().items()
        if isinstance(part, ConfigurableClassData)
    }
    return ref._replace(**parts)


def below(part: ConfigurableClassData, folder: Path) -> ConfigurableClassData:
    config = part.config_dict
    base = config.get("base_dir")
    if not isinstance(base, str) or Path(base).is_absolute():
        return part
    anchor = yaml.safe_dump({**config, "base_dir": str(folder / base)})
    return ConfigurableClassData(part.module_name, part.class_name, anchor)


def with_batches(ref: InstanceRef) -> InstanceRef:
    """The same instance, with Dagster's SQLite storage replaced by ours, which uses the same files."""
    data = ref.storage_data
    if data is None or data.class_name != "DagsterSqliteStorage":
        return ref
    ours = BatchingSqliteStorage
    replaced = ConfigurableClassData(ours.__module__, ours.__name__, data.config_yaml)
    return ref._replace(storage_data=replaced)
