"""The code location: every import of the folder in CLEVERTAP_IMPORT_DEFS, or of this package's `defs/`."""

import os

from clevertap_import.orchestration.code_location import folder_definitions
from clevertap_import.project.folder import imports_folder

defs = folder_definitions(imports_folder(os.environ))
