"""A small hub on loopback: serves a folder of sets as the Hugging Face hub does, and misbehaves on demand."""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from tests.helpers.paths import ROOT

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Sets and models are folders `<owner>/<name>` below `root`."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.root = root
        self.token: str | None = None  # that is asked for
        self.faults: list[int | str] = []  # of the next downloads: a status, or "drop" halfway
        self.sent = 0  # bytes of data files, as they were asked for
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_given: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        url = urlparse(self.path)
        path = unquote(url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(path)
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self.json({"error": "Access to it is restricted"}, 401, "GatedRepo")
        if found := re.fullmatch(
            r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?", path
        ):
            repository, kind, revision, inside = found.groups()
            folder = self.server.root / repository
            if not folder.is_dir():
                return self.json({"error": "Repository not found"}, 404, "RepoNotFound")
            if revision not in (None, REVISION, "main"):
                return self.json({"error": "Invalid rev id"}, 404, "RevisionNotFound")
            files = sorted(
                file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
            )
            entries = [self.entry(folder, file) for file in files]
            if kind == "paths-info":
                form = parse_qs(body.decode()) if not body.startswith(b"{") else json.loads(body)
                return self.json([entry for entry in entries if entry["path"] in form["paths"]])
            if kind == "tree":
                folders = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()]
                entries += [
                    {"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in folders
                ]
                return self.json(
                    [entry for entry in entries if Path(entry["path"]).parent == Path(inside or ".")]
                )
            siblings = [{"rfilename": file} for file in files]
            return self.json({"id": repository, "sha": REVISION, "siblings": siblings, "tags": []})
        if found := re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            file = self.server.root / found[1] / found[3]
            if found[2] not in (REVISION, "main"):
                return self.json({"error": "Invalid rev id"}, 404, "RevisionNotFound")
            if file.is_file():
                return self.file(file)
            return self.json({"error": "Entry not found"}, 404, "EntryNotFound")
        return self.json({"error": "not found"}, 404)

    def entry(self, folder: Path, file: str) -> dict[str, Any]:
        oid = hashlib.sha1(file.encode()).hexdigest()
        return {"type": "file", "oid": oid, "size": (folder / file).stat().st_size, "path": file}

    def json(self, value: Any, status: int = 200, code: str | None = None) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", value["error"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def file(self, path: Path) -> None:
        content = path.read_bytes()
        size = len(content)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        start, stop = 0, size
        if asked:
            start, stop = int(asked[1]), min(size, int(asked[2]) + 1) if asked[2] else size
        is_data = self.command == "GET" and path.suffix in (".parquet", ".gz", ".safetensors")
        fault = self.server.faults.pop(0) if is_data and self.server.faults else None
        self.server.sent += (stop - start) * is_data
        if isinstance(fault, int):
            return self.json({"error": "later"}, fault)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        part = content[start:stop]
        if fault == "drop":
            part = part[: len(part) // 2]
            self.close_connection = True
        self.wfile.write(part)
        if fault == "drop":
            self.wfile.flush()
            self.connection.close()


def hub_environment(server: Hub, home: Path) -> dict[str, str]:
    """The environment in which a program asks this hub, keeps its files in `home` and has no token."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": server.url, "HF_HOME": str(home)}
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        environment.pop(name, None)
    return environment


@contextmanager
def hub(root: Path) -> Iterator[Hub]:
    """A hub that serves while the block runs."""
    with Hub(root) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
