"""The proxy of docs/security.md as nginx runs it: who gets through to what is behind it."""

import os
import re
import shutil
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from clevertap_import_tests.repository.test_docs import ROOT, blocks
from clevertap_import_tests.testing.dagster_processes import ASK_SECONDS, free_port
from clevertap_import_tests.testing.waiting import wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
START_SECONDS = 60
LOGIN = ("ann", "secret")
PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here; to run it: apt-get install nginx-light")

WEBSOCKET = {"Upgrade": "websocket", "Connection": "Upgrade"}
OWN = {"Origin": "the proxy"}
FOREIGN = {"Origin": "https://evil.example"}
PAGE = {"Sec-Fetch-Mode": "no-cors"}


class Upstream(BaseHTTPRequestHandler):
    """In place of Dagster's web server."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def upstream_server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def configuration(folder: Path, port: int, upstream_port: int) -> Path:
    """What the document shows, without its certificate, as a whole configuration."""
    (shown,) = blocks(ROOT / "docs" / "security.md", "nginx")
    text = re.sub(r"^ *ssl_.*\n", "", textwrap.dedent(shown), flags=re.MULTILINE)
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port}",
        "127.0.0.1:3000": f"127.0.0.1:{upstream_port}",
        "/etc/nginx/": f"{folder}/",
    }.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "dagster.htpasswd").write_text("{}:{{PLAIN}}{}\n".format(*LOGIN))
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in PATHS)
    # Its workers read the password's file: as root they would be of another user.
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole = f"{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n"
    (folder / "nginx.conf").write_text(whole)
    return folder / "nginx.conf"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    with upstream_server() as upstream_port:
        words = [
            str(NGINX),
            "-e",
            f"{folder}/error.log",
            "-c",
            str(configuration(folder, port, upstream_port)),
        ]
        with subprocess.Popen(words) as nginx:
            try:
                wait_for("nginx", lambda: is_up(f"http://127.0.0.1:{port}"), START_SECONDS)
                yield f"http://127.0.0.1:{port}"
            finally:
                nginx.terminate()


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=ASK_SECONDS).status_code == 401
    except requests.ConnectionError:
        return False


def test_nobody_gets_in_without_the_login(proxy: str) -> None:
    assert requests.get(f"{proxy}/runs", timeout=ASK_SECONDS).status_code == 401
    assert requests.post(f"{proxy}/graphql", timeout=ASK_SECONDS).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/runs", {}, 200),
        ("GET", "/runs", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ("GET", "/runs", {"Sec-Fetch-Site": "cross-site", **PAGE}, 403),
        ("GET", "/runs", {"Sec-Fetch-Site": "same-site", **PAGE}, 403),
        ("POST", "/graphql", {"Sec-Fetch-Site": "same-origin", **OWN}, 200),
        ("POST", "/graphql", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ("POST", "/graphql", FOREIGN, 403),
        ("POST", "/graphql", {"Origin": "null"}, 403),
        ("GET", "/graphql?query=mutation", {}, 405),
        ("GET", "/%67raphql?query=mutation", {}, 405),
        ("GET", "//graphql?query=mutation", {}, 405),
        ("GET", "/graphql?query=mutation", {"Upgrade": "other"}, 405),
        ("GET", "/graphql", {**WEBSOCKET, **OWN}, 200),
        ("GET", "/graphql", {**WEBSOCKET, **FOREIGN}, 403),
    ],
)
def test_pages_of_other_sites_get_nothing(
    proxy: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    sent = {name: proxy if value == "the proxy" else value for name, value in headers.items()}
    request = requests.Request(method, "http://proxy", headers=sent, auth=LOGIN).prepare()
    # As it is written: requests would tidy the path up.
    request.url = f"{proxy}{path}"
    with requests.Session() as session:
        assert session.send(request, timeout=ASK_SECONDS).status_code == status
