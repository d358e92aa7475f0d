"""Writes both files: `python -m clevertap_import.reference [FOLDER]`, into docs/ if no folder is named."""

import sys
from pathlib import Path

from clevertap_import.reference.pages import reference_page
from clevertap_import.reference.schema import schema_text

FILES = {"reference.md": reference_page, "import.schema.json": schema_text}


def main(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
