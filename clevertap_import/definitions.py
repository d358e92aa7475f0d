"""The code location: every import of the folder in CLEVERTAP_IMPORT_DEFS, or of this package's `defs/`."""

import os

from clevertap_import.io.import_files import imports_folder
from clevertap_import.orchestration.location import folder_definitions

defs = folder_definitions(imports_folder(os.environ))
