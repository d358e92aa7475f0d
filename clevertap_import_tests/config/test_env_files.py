"""A `.env` that names an address does not get a login that it does not hold."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dotenv import dotenv_values

from clevertap_import.clevertap.client import account_settings
from clevertap_import.config.env_files import LOCATIONS_VARIABLE, LoginLedElsewhere
from clevertap_import.snowflake.session import snowflake_settings

ACCOUNT = {"CLEVERTAP_ACCOUNT_ID": "A", "CLEVERTAP_PASSCODE": "real"}
CONNECTION = {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u"}
ELSEWHERE = "https://elsewhere.example.com"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(file: Path, text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment after commands have taken this `.env`, over which the shell goes."""
    file.write_text(text)
    found = {name: value for name, value in dotenv_values(file).items() if value is not None}
    return {**found, **environment}


@pytest.mark.parametrize(
    "text",
    [
        f"CLEVERTAP_API_URL={ELSEWHERE}\n",
        "CLEVERTAP_REGION=in1\n",
        f"CLEVERTAP_API_URL={ELSEWHERE}\nCLEVERTAP_PASSCODE=another\n",
        f"CLEVERTAP_API_URL={ELSEWHERE}\nCLEVERTAP_PASSCODE=${{CLEVERTAP_PASSCODE}}\n",
        f"WHERE=elsewhere\nCLEVERTAP_API_URL={ELSEWHERE}/${{WHERE}}\n",
    ],
    ids=["url", "region", "another passcode", "passcode by reference", "url by reference"],
)
def test_an_address_in_the_file_gets_no_passcode_of_the_shell(folder: Path, text: str) -> None:
    environment = loaded(folder / ".env", text, ACCOUNT)
    with pytest.raises(LoginLedElsewhere) as caught:
        account_settings("clevertap", environment)
    name = "CLEVERTAP_REGION" if "REGION" in text else "CLEVERTAP_API_URL"
    assert str(caught.value).startswith(
        f"{name} comes from {folder / '.env'}, and CLEVERTAP_PASSCODE from elsewhere. A file in a"
    )
    assert "real" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        (f"CLEVERTAP_API_URL={ELSEWHERE}\nCLEVERTAP_ACCOUNT_ID=A\nCLEVERTAP_PASSCODE=real\n", {}),
        (f"CLEVERTAP_API_URL={ELSEWHERE}\n", {**ACCOUNT, "CLEVERTAP_API_URL": "https://here.example.com"}),
        ("CLEVERTAP_ACCOUNT_ID=A\nCLEVERTAP_PASSCODE=real\n", {"CLEVERTAP_API_URL": ELSEWHERE}),
        ("CLEVERTAP_PASSCODE=real\n", ACCOUNT),
        ("CLEVERTAP_API_URL=\n", ACCOUNT),
        ("", {**ACCOUNT, "CLEVERTAP_REGION": "in1"}),
    ],
    ids=["both in the file", "address of the shell", "address of the shell alone", "none", "empty", "shell"],
)
def test_what_the_shell_says_itself_or_the_file_says_whole_is_taken(
    folder: Path, text: str, environment: dict[str, str]
) -> None:
    settings = account_settings("clevertap", loaded(folder / ".env", text, environment))
    assert settings.passcode == "real"


@pytest.mark.parametrize("secret", ["PASSWORD", "PRIVATE_KEY", "PRIVATE_KEY_PATH"])
@pytest.mark.parametrize("address", ["HOST=elsewhere.example.com", "PORT=8443"])
def test_an_address_in_the_file_gets_no_login_to_snowflake(folder: Path, secret: str, address: str) -> None:
    environment = {**CONNECTION, f"SNOWFLAKE_{secret}": "real"}
    with pytest.raises(LoginLedElsewhere, match=f"and SNOWFLAKE_{secret} from elsewhere"):
        snowflake_settings("snowflake", loaded(folder / ".env", f"SNOWFLAKE_{address}\n", environment))
    whole = f"SNOWFLAKE_{address}\nSNOWFLAKE_{secret}=real\n"
    assert snowflake_settings("snowflake", loaded(folder / ".env", whole, environment))


def test_an_account_in_the_file_leads_to_snowflake_alone(folder: Path) -> None:
    environment = {**CONNECTION, "SNOWFLAKE_PASSWORD": "real"}
    text = "SNOWFLAKE_ACCOUNT=a\nSNOWFLAKE_USER=u\n"
    assert snowflake_settings("snowflake", loaded(folder / ".env", text, environment)).password == "real"


@pytest.mark.parametrize("settings", [account_settings, snowflake_settings])
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_in_the_file_vouch_for_no_server_that_gets_a_login_of_the_shell(
    folder: Path,
    settings: Callable[[str, Mapping[str, str]], object],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    login = "X_ACCOUNT=a\nX_USER=u\nX_PASSWORD=real\nX_ACCOUNT_ID=A\nX_PASSCODE=real\n"
    own = f"HTTPS_PROXY=http://elsewhere.example.com:8080\n{variable}=/srv/own.pem\n"
    # What is asked are the account's own variables alone, as resources of Dagster have them.
    shell = loaded(folder / ".env", login, {})
    monkeypatch.setenv(variable, "/srv/own.pem")
    (folder / ".env").write_text(own)
    with pytest.raises(LoginLedElsewhere, match=f"^{variable} comes from"):
        settings("x", shell)
    (folder / ".env").write_text(own + login)
    assert settings("x", shell)
    monkeypatch.setenv(variable, "/etc/ours.pem")
    (folder / ".env").write_text(own)
    assert settings("x", shell)


@pytest.mark.parametrize("settings", [account_settings, snowflake_settings])
def test_a_folder_below_a_project_gets_no_login_of_the_project(
    folder: Path, settings: Callable[[str, Mapping[str, str]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "dg.toml").write_text('[project]\nroot_module = "shop"\n')
    inner = folder / "shop" / "defs"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    own = "X_ACCOUNT=a\nX_USER=u\nX_PASSWORD=real\nX_ACCOUNT_ID=A\nX_PASSCODE=real\n"
    outer = loaded(folder / ".env", own, {})
    environment = loaded(inner / ".env", f"X_HOST=elsewhere.example.com\nX_API_URL={ELSEWHERE}\n", outer)
    with pytest.raises(LoginLedElsewhere, match="from elsewhere"):
        settings("x", environment)
    (inner / ".env").unlink()
    assert settings("x", outer)


@pytest.mark.parametrize("settings", [account_settings, snowflake_settings])
def test_a_project_of_a_workspace_gets_no_login_of_the_shell(
    folder: Path, settings: Callable[[str, Mapping[str, str]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = folder / "projects" / "shop"
    project.mkdir(parents=True)
    monkeypatch.setenv(LOCATIONS_VARIABLE, json.dumps({"shop": "projects/shop"}))
    shell = {"X_ACCOUNT": "a", "X_USER": "u", "X_PASSWORD": "real", "X_ACCOUNT_ID": "A", "X_PASSCODE": "real"}
    own = f"X_HOST=elsewhere.example.com\nX_API_URL={ELSEWHERE}\n"
    environment = loaded(project / ".env", own, shell)
    with pytest.raises(LoginLedElsewhere, match=r"projects/shop/\.env"):
        settings("x", environment)
    assert settings("x", loaded(project / ".env", f"{own}X_PASSWORD=real\nX_PASSCODE=real\n", shell))
