"""The fake CleverTap for tests: a process of its own, spoken to over HTTP as the real one would be."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

TIMEOUT_SECONDS = 120
"""No measure: so long a machine that is busy with others may take for an answer, or for an end."""


@dataclass(frozen=True)
class FakeCleverTap:
    """Where the fake is, what opens it, and the control door behind it."""

    url: str
    pid: int
    account_id: str = "TEST-SHO-PSA-NDX"
    passcode: str = "sandbox-passcode"
    _door: requests.Session = field(default_factory=requests.Session, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What every call to CleverTap must carry."""
        return {
            "X-CleverTap-Account-Id": self.account_id,
            "X-CleverTap-Passcode": self.passcode,
            "Content-Type": "application/json",
        }

    def upload(self, *records: object, dry_run: bool = False) -> requests.Response:
        """One batch, sent by a plain client on a connection of its own."""
        return self.post(
            json.dumps({"d": records}).encode(), path=f"/1/upload{'?dryRun=1' if dry_run else ''}"
        )

    def post(
        self,
        body: bytes,
        headers: dict[str, str] | None = None,
        path: str = "/1/upload",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> requests.Response:
        """Any body with any headers besides, or in place of, the usual ones."""
        sent = self.headers | (headers or {})
        return requests.post(f"{self.url}{path}", data=body, headers=sent, timeout=timeout_seconds)

    def lookup(self, **query: str) -> requests.Response:
        """One profile lookup."""
        return self._door.get(
            f"{self.url}/1/profile.json", params=query, headers=self.headers, timeout=TIMEOUT_SECONDS
        )

    def profiles(self) -> dict[str, dict[str, Any]]:
        """Identity -> objectId, properties, types."""
        profiles: dict[str, dict[str, Any]] = self._look("profiles")
        return profiles

    def properties(self, identity: str) -> dict[str, Any]:
        """The stored properties of one profile."""
        properties: dict[str, Any] = self.profiles()[identity]["properties"]
        return properties

    def events(self) -> list[dict[str, Any]]:
        """The event log in arrival order."""
        events: list[dict[str, Any]] = self._look("events")
        return events

    def counters(self) -> dict[str, Any]:
        """The counts since the last reset."""
        counters: dict[str, Any] = self._look("counters")
        return counters

    def traffic(self) -> dict[str, Any]:
        """The counts without a look at the events: cheap enough to be asked again and again."""
        traffic: dict[str, Any] = self._look("traffic")
        return traffic

    def error_stream(self) -> list[dict[str, Any]]:
        """The properties that were silently dropped."""
        stream: list[dict[str, Any]] = self._look("error_stream")
        return stream

    def faults(self, faults: list[dict[str, Any]]) -> None:
        """Ask for faults, as `clevertap_import.sandbox.clevertap.faults.Fault` describes them."""
        self._ask("faults", faults)

    def end_faults(self) -> None:
        """From now on all goes well."""
        self._ask("end_faults", None)

    def knobs(self, **knobs: object) -> None:
        """Turn knobs of `clevertap_import.sandbox.clevertap.behaviour.Behaviour`; the others stay."""
        self._ask("knobs", knobs)

    def reset(self) -> None:
        """Forget data, counters, faults and knobs."""
        self._ask("reset", None)

    def close(self) -> None:
        """Let go of the control door's connection."""
        self._door.close()

    def _look(self, at: str) -> Any:  # noqa: ANN401
        answer = self._door.get(f"{self.url}/_fake/{at}", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def _ask(self, to: str, body: object) -> None:
        answer = self._door.post(f"{self.url}/_fake/{to}", json=body, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text


def profile(identity: object, **properties: object) -> dict[str, Any]:
    """A profile record with the given properties."""
    return {"type": "profile", "identity": identity, "profileData": properties}


def event(
    identity: object, name: str = "Order Placed", ts: int = 1_700_000_000, **data: object
) -> dict[str, Any]:
    """An event record with the given properties."""
    return {"type": "event", "identity": identity, "evtName": name, "ts": ts, "evtData": data}


@contextmanager
def running_fake_clevertap(*options: str) -> Generator[FakeCleverTap, None, None]:
    """A fake CleverTap of one's own, ended in good order at the end of the block."""
    command = [sys.executable, "-m", "clevertap_import.sandbox.clevertap.server", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        fake = FakeCleverTap(json.loads(process.stdout.readline())["url"], process.pid)
        try:
            yield fake
        finally:
            fake.close()
            process.terminate()
            assert process.wait(TIMEOUT_SECONDS) == 0


@pytest.fixture(scope="session")
def fake_clevertap_process() -> Generator[FakeCleverTap, None, None]:
    """One process for all tests of a session."""
    with running_fake_clevertap() as fake:
        yield fake


@pytest.fixture
def fake_clevertap(fake_clevertap_process: FakeCleverTap) -> FakeCleverTap:
    """A fake CleverTap that has forgotten all earlier tests."""
    fake_clevertap_process.reset()
    return fake_clevertap_process
