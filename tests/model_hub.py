"""A model hub that stands in for huggingface.co: repositories in memory, by the part of its HTTP interface that
huggingface_hub 2 uses to make a repository, commit (small files inline, others as Git LFS) and read files."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_a_token_for_tests"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Repositories by name, each its files by name; `requests` are "METHOD path" of everything asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.messages: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.declared: dict[str, int] = {}
        """Sizes that are reported of files where they are not the real ones."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving() -> Iterator[Hub]:
    """A running stand-in."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def do_GET(self) -> None:
        parts = self._parts()
        if parts[:2] == ["api", "models"]:
            repo, rest = "/".join(parts[2:4]), parts[4:]
            if repo not in self.server.repos:
                return self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            if rest[:1] == ["tree"]:
                return self._json([self._entry(repo, name) for name in self.server.repos[repo]])
            return self._json(self._info(repo))
        repo, name = "/".join(parts[:2]), "/".join(parts[4:])
        content = self.server.repos.get(repo, {}).get(name)
        if content is None:
            return self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        return self._send(content, 200, {"ETag": f'"{_sha(content)}"', "X-Repo-Commit": COMMIT})

    do_HEAD = do_GET  # noqa: N815 - http.server's names

    def do_POST(self) -> None:
        parts, content = self._parts(), self._body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json({"error": "Invalid user token."}, 401)
        if parts == ["api", "repos", "create"]:
            return self._create(json.loads(content))
        if parts == ["api", "validate-yaml"]:
            return self._json({"errors": [], "warnings": []})
        if parts[4:5] == ["preupload"]:
            files = json.loads(content)["files"]
            mode = {True: "lfs", False: "regular"}
            return self._json({"files": [
                {"path": each["path"], "uploadMode": mode[each["path"].endswith("safetensors")], "shouldIgnore": False}
                for each in files
            ]})  # fmt: skip
        if parts[2:] == ["info", "lfs", "objects", "batch"]:
            return self._json({"transfer": "basic", "objects": [
                {**each, "actions": {"upload": {"href": f"{self.server.address}/lfs/{each['oid']}"}}}
                for each in json.loads(content)["objects"]
            ]})  # fmt: skip
        return self._commit("/".join(parts[2:4]), content)

    def do_PUT(self) -> None:
        content = self._body()
        self.server.objects[_sha(content)] = content
        self._send(b"")

    def _create(self, wanted: dict) -> None:
        repo = "/".join(filter(None, (wanted.get("organization") or "user", wanted["name"])))
        if repo in self.server.repos:
            return self._json({"error": "exists", "url": f"{self.server.address}/{repo}"}, 409)
        self.server.repos[repo] = {}
        self.server.private[repo] = wanted.get("private", wanted.get("visibility") == "private")
        return self._json({"url": f"{self.server.address}/{repo}", "name": repo})

    def _commit(self, repo: str, content: bytes) -> None:
        for line in content.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                self.server.messages.append(value["summary"])
            elif item["key"] == "file":
                self.server.repos[repo][value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                self.server.repos[repo][value["path"]] = self.server.objects[value["oid"]]
        url = f"{self.server.address}/{repo}/commit/{COMMIT}"
        self._json({"success": True, "commitUrl": url, "commitOid": COMMIT, "hookOutput": ""})

    def _info(self, repo: str) -> dict:
        siblings = [{"rfilename": name} for name in self.server.repos[repo]]
        return {"id": repo, "modelId": repo, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}

    def _entry(self, repo: str, name: str) -> dict:
        content = self.server.repos[repo][name]
        return {
            "type": "file",
            "oid": _sha(content),
            "path": name,
            "size": self.server.declared.get(name, len(content)),
        }

    def _parts(self) -> list[str]:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        return path.strip("/").split("/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
