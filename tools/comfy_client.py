"""Talk to a running ComfyUI: post a workflow in API format, follow it, fetch its pictures."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from tqdm import tqdm

Workflow = dict[str, dict[str, Any]]
Event = dict[str, Any]
# ComfyUI is on this machine: a proxy that the environment names for the web could not reach it.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class WorkflowError(RuntimeError):
    """ComfyUI refused the workflow or a node failed; the message names the node and the reason."""


class ComfyClient:
    """One ComfyUI, by its address, such as `http://127.0.0.1:8188`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **query: str) -> bytes:
        """The body of a GET request."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        with _open(address, timeout=60) as answer:
            return answer.read()

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> Any:
        """The JSON answer to a POST request; a refusal's body becomes the error's message."""
        request = urllib.request.Request(self.url + path, body, {"Content-Type": content_type})
        try:
            with _open(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refusal:
            raise WorkflowError(_explain_refusal(refusal.read())) from None

    def has_node(self, node_id: str) -> bool:
        """Whether this ComfyUI offers a node of this id."""
        return bool(json.loads(self.get(f"/object_info/{node_id}")))

    def upload_image(self, picture: Path) -> str:
        """Put a picture into ComfyUI's input folder; returns the name LoadImage knows it by."""
        boundary = uuid.uuid4().hex
        field = 'Content-Disposition: form-data; name="{}"'
        head = f'{field.format("image")}; filename="{picture.name}"\r\nContent-Type: image/png'
        body = b"".join(
            (
                f"--{boundary}\r\n{field.format('overwrite')}\r\n\r\ntrue\r\n".encode(),
                f"--{boundary}\r\n{head}\r\n\r\n".encode(),
                picture.read_bytes(),
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        answer = self.post("/upload/image", body, f"multipart/form-data; boundary={boundary}")
        return "/".join(part for part in (answer["subfolder"], answer["name"]) if part)

    def run(self, workflow: Workflow, show_progress: bool = True) -> dict[str, Any]:
        """Run a workflow to its end; returns each output node's `ui` by node id."""
        with tqdm(total=len(workflow), disable=not show_progress, unit="node") as bar:
            prompt_id = asyncio.run(self._follow(workflow, _show(workflow, bar)))
            bar.update(len(workflow) - bar.n)
        return json.loads(self.get(f"/history/{prompt_id}"))[prompt_id]["outputs"]

    def pictures(self, outputs: dict[str, Any], node: str) -> list[bytes]:
        """The picture files that a SaveImage or PreviewImage node wrote, in order."""
        return [
            self.get(
                "/view",
                filename=picture["filename"],
                subfolder=picture["subfolder"],
                type=picture["type"],
            )
            for picture in outputs[node]["images"]
        ]

    async def _follow(self, workflow: Workflow, show: Callable[[Event], None]) -> str:
        client_id = uuid.uuid4().hex
        address = f"{self.url.replace('http', 'ws', 1)}/ws?clientId={client_id}"
        body = json.dumps({"prompt": workflow, "client_id": client_id}).encode()
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, max_msg_size=0) as socket,
        ):
            answer = await asyncio.to_thread(self.post, "/prompt", body)
            if answer.get("node_errors"):
                lines = ("ComfyUI runs only the outputs without a fault:", *_faults(answer))
                raise WorkflowError("\n  ".join(lines))
            prompt_id: str = answer["prompt_id"]
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                event: Event = message.json()
                if event["data"].get("prompt_id") != prompt_id:
                    continue
                if event["type"] == "executing" and event["data"]["node"] is None:
                    return prompt_id  # comes last, when the outputs are in the history
                if event["type"] in ("execution_error", "execution_interrupted"):
                    raise WorkflowError(_explain_failure(event["data"]))
                show(event)
        raise ConnectionError("ComfyUI closed the connection before the workflow had ended")


def _show(workflow: Workflow, bar: tqdm[Any]) -> Callable[[Event], None]:
    """Count the nodes on the bar, with the name of the one at work and its steps."""

    def show(event: Event) -> None:
        data = event["data"]
        if event["type"] == "executing" and data["node"] in workflow:
            bar.set_postfix_str(workflow[data["node"]]["class_type"])
            bar.update()
        elif event["type"] == "progress":
            name = workflow[data["node"]]["class_type"]
            bar.set_postfix_str(f"{name} {data['value']}/{data['max']}")

    return show


def _explain_refusal(body: bytes) -> str:
    try:
        answer = json.loads(body)
        lines = [answer["error"]["message"], *_faults(answer)]
    except (ValueError, KeyError, TypeError):
        return f"ComfyUI refused the request: {body.decode(errors='replace')}"
    return "ComfyUI refused the workflow: " + "\n  ".join(lines)


def _faults(answer: dict[str, Any]) -> list[str]:
    """A line for each fault that ComfyUI found in a node."""
    return [
        f"node {node} ({found['class_type']}): {error['message']}: {error['details']}"
        for node, found in answer.get("node_errors", {}).items()
        for error in found["errors"]
    ]


def _explain_failure(data: dict[str, Any]) -> str:
    node = f"node {data.get('node_id')} ({data.get('node_type')})"
    if "exception_message" not in data:
        return f"{node} was interrupted"
    return f"{node} failed: {data['exception_type']}: {data['exception_message'].strip()}"
