"""The whole sandbox as a user starts it, and Dagster's own processes on it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clevertap_import_tests.testing.fixtures_clevertap import FakeCleverTap
from clevertap_import_tests.testing.fixtures_snowflake import NO_PLATFORM_DETECTION, LocalSnowflake

COMMAND_SECONDS = 120
END_SECONDS = 60
ASK_SECONDS = 30


@dataclass(frozen=True)
class ShopHome:
    """The sandbox's folder, and the environment that leads to its servers."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def dagster_home(self) -> Path:
        return Path(self.environment["DAGSTER_HOME"])

    @property
    def clevertap(self) -> FakeCleverTap:
        return FakeCleverTap(
            self.environment["CLEVERTAP_API_URL"], 0, passcode=self.environment["CLEVERTAP_PASSCODE"]
        )

    @property
    def snowflake(self) -> LocalSnowflake:
        return LocalSnowflake(self.environment["SNOWFLAKE_HOST"], int(self.environment["SNOWFLAKE_PORT"]), 0)

    def command(
        self, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`clevertap-import` with these words, with `env` over the sandbox's environment."""
        return subprocess.run(
            [sys.executable, "-m", "clevertap_import", *words],
            env={**os.environ, **self.environment, **(env or {})},
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What Snowflake itself answers, on a connection of the test's own."""
        password = self.environment["SNOWFLAKE_PASSWORD"]
        with self.snowflake.connect(password=password) as connection, connection.cursor() as cursor:
            found: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
        return found


@contextmanager
def running_shop(folder: Path) -> Iterator[ShopHome]:
    """The sandbox in a process of its own, seeded; ended in good order."""
    command = [sys.executable, "-m", "clevertap_import.sandbox", "--home", str(folder)]
    environment = {**os.environ, **NO_PLATFORM_DETECTION}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        try:
            yield ShopHome(folder, {**json.loads(process.stdout.readline()), **NO_PLATFORM_DETECTION})
        finally:
            process.terminate()
            assert process.wait(END_SECONDS) == 0
