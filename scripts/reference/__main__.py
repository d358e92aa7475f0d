"""Writes both files: `python -m scripts.reference [FOLDER]`, into docs/ if no folder is named."""

import sys
from pathlib import Path

from scripts.reference.pages import reference_page
from scripts.reference.schema import schema_text

FILES = {"reference.md": reference_page, "import.schema.json": schema_text}


def main(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
