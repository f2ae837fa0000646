"""The client talks to ComfyUI on this machine, whatever the environment says of the web."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from instance_edit.tools.comfy_client import ComfyClient, WorkflowError


class Answer(BaseHTTPRequestHandler):
    """Says which path was asked for; refuses what is posted to `/refuse`."""

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(400 if self.path == "/refuse" else 200)

    def _answer(self, status: int) -> None:
        body = json.dumps({"path": self.path}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[ComfyClient]:
    """A client of a small server, where the environment names a proxy that nobody serves."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield ComfyClient(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_requests_do_not_go_to_a_proxy(client: ComfyClient) -> None:
    assert json.loads(client.get("/view", filename="a b.png")) == {"path": "/view?filename=a+b.png"}
    assert client.post("/prompt", b"{}") == {"path": "/prompt"}


def test_a_refusal_carries_its_body(client: ComfyClient) -> None:
    with pytest.raises(WorkflowError, match="refused the request.*/refuse"):
        client.post("/refuse", b"{}")
