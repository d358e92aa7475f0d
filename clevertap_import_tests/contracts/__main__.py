"""Writes public_contract.yaml again: `make contract`."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clevertap_import_tests.contracts.present import FILE, present_contract, text_of
from clevertap_import_tests.testing.fixtures_clevertap import running_fake_clevertap
from clevertap_import_tests.testing.fixtures_snowflake import running_snowflake
from clevertap_import_tests.testing.workshop import open_workshop


def main() -> None:
    with (
        TemporaryDirectory() as data,
        TemporaryDirectory() as folder,
        running_snowflake(Path(data)) as snowflake,
        running_fake_clevertap() as clevertap,
        open_workshop(Path(folder), snowflake, clevertap) as shop,
    ):
        FILE.write_text(text_of(present_contract(shop)))


if __name__ == "__main__":
    main()
