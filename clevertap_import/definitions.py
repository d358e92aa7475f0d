"""The code location: every import of the folder in CLEVERTAP_IMPORT_DEFS, or of this package's `defs/`."""

import os
from pathlib import Path

from .orchestration.location import folder_definitions

FOLDER_VARIABLE = "CLEVERTAP_IMPORT_DEFS"


def imports_folder() -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE) or Path(__file__).parent / "defs").resolve()


defs = folder_definitions(imports_folder())
