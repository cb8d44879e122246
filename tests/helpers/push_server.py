"""A small hub on loopback that models are pushed to: it keeps them, counts bytes and refuses on demand.

It speaks to both ways in which the client sends large files: by LFS, and by hf_xet to a store of chunks.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlparse

from tests.helpers.hub_server import REVISION

BLOCK = 1 << 16
LARGE = (".safetensors", ".gguf", ".onnx")  # what is no plain file in the repository


@dataclass
class Repository:
    """The files of a model, each with its content or with the hash of a large one."""

    private: bool = True
    files: dict[str, bytes | str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)  # of its commits


class PushHub(ThreadingHTTPServer):
    """A hub with one user, `ornek`, who has a token that may write and one that may only read."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}  # large files by their SHA-256
        self.sizes: dict[str, int] = {}  # of large files that were committed
        self.chunks: dict[str, bytes] = {}  # what hf_xet has sent, by its name
        self.tokens = {"hf_write": "write", "hf_read": "read"}
        self.part_bytes: int | None = None  # of a large file that is sent in parts
        # A pattern of requests and what befalls the first: a status, "drop", "hang", or "pass".
        self.faults: list[tuple[str, int | str]] = []
        self.asked: list[str] = []  # method and path of every request
        self.received = 0  # bytes of large files
        self.hanging = 0  # requests that are not answered
        self.changed = threading.Condition()
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault_of(self, request: str) -> int | str | None:
        """What befalls this request. It happens once."""
        with self.changed:
            for number, (pattern, _) in enumerate(self.faults):
                if re.search(pattern, request):
                    return self.faults.pop(number)[1]
        return None

    def handle_error(self, *_given: Any) -> None:
        """Say nothing of a client that was killed."""

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until a condition of this hub holds. False where it does not within a minute."""
        with self.changed:
            return self.changed.wait_for(condition, timeout=60)


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PushHub

    def log_message(self, *_given: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlparse(self.path).path)
        request = f"{self.command} {path}"
        self.server.asked.append(request)
        fault = self.server.fault_of(request)
        if fault in ("drop", "hang"):
            self.read_body(half=True)
            self.close_connection = True
            if fault == "hang":
                self.server.hanging += 1
                self.tell_change()
                self.server.stopped.wait()
            return
        body = self.read_body()
        if isinstance(fault, int):
            return self.json({"error": "not now"}, fault)
        for pattern, method in ROUTES:
            if found := re.fullmatch(pattern, request):
                return method(self, body, *found.groups())
        return self.json({"error": "not found"}, 404)

    def read_body(self, half: bool = False) -> bytes:
        """Read what was sent, of either transfer encoding, or half of it."""
        is_large = re.match(r"/(large|v1/xorbs)/", self.path) is not None
        parts = []
        for part in self.read_chunked() if self.is_chunked() else self.read_sized(half):
            parts.append(part)
            with self.server.changed:
                self.server.received += len(part) * is_large
            if half and self.is_chunked():
                break
        return b"".join(parts)

    def tell_change(self) -> None:
        with self.server.changed:
            self.server.changed.notify_all()

    def is_chunked(self) -> bool:
        return self.headers.get("Transfer-Encoding", "") == "chunked"

    def read_sized(self, half: bool) -> Iterator[bytes]:
        left = int(self.headers.get("Content-Length", 0)) // (2 if half else 1)
        while left and (part := self.rfile.read(min(left, BLOCK))):
            left -= len(part)
            yield part

    def read_chunked(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def role(self) -> str | None:
        """What the token of the request may do."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.server.tokens.get(token)

    def repository(self, name: str, write: bool = False) -> Repository | None:
        """The repository if the token may do what is asked. None where an error has been sent."""
        found = self.server.repositories.get(name)
        if found is None or (found.private and self.role() is None):
            self.json({"error": "Repository not found"}, 401 if self.role() is None else 404, "RepoNotFound")
            return None
        if (write or self.command != "GET") and self.role() != "write":
            self.json({"error": "You have no right to write there"}, 403)
            return None
        return found

    def tell_user(self, _body: bytes) -> None:
        if self.role() is None:
            return self.json({"error": "Invalid credentials in Authorization header"}, 401)
        access = {"displayName": "deneme", "role": self.role()}
        self.json({"name": "ornek", "orgs": [], "auth": {"type": "access_token", "accessToken": access}})

    def check_card(self, body: bytes) -> None:
        """Refuse a license that the hub does not know, as the hub does."""
        if "license: uydurma" in json.loads(body)["content"]:
            error = {"message": '"license" must be one of [apache-2.0, mit, other]'}
            return self.json({"errors": [error], "warnings": []}, 400)
        self.json({"errors": [], "warnings": []})

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        name = f"{wanted['organization']}/{wanted['name']}"
        if self.role() != "write" or wanted["organization"] != "ornek":
            return self.json({"error": "You have no right to create a model there"}, 403)
        if name in self.server.repositories:
            return self.json({"error": "You already created this model repo"}, 409)
        self.server.repositories[name] = Repository(wanted.get("visibility") == "private")
        self.json({"url": f"{self.server.url}/{name}"})

    def tell_model(self, _body: bytes, name: str) -> None:
        if repository := self.repository(name):
            siblings = [{"rfilename": file} for file in repository.files]
            self.json({"id": name, "sha": REVISION, "private": repository.private, "siblings": siblings})

    def check_right(self, _body: bytes, name: str) -> None:
        if self.repository(name, write=True):
            self.json({})

    def list_files(self, _body: bytes, name: str) -> None:
        if repository := self.repository(name):
            self.json([self.entry(file, content) for file, content in repository.files.items()])

    def entry(self, path: str, content: bytes | str) -> dict[str, Any]:
        if isinstance(content, str):
            size = self.server.sizes[content]
            lfs = {"oid": content, "size": size, "pointerSize": 130}
            return {"type": "file", "path": path, "oid": "0" * 40, "size": size, "lfs": lfs}
        return {"type": "file", "path": path, "oid": git_hash(content), "size": len(content)}

    def choose_ways(self, body: bytes, name: str) -> None:
        """Say of each file whether it is large, and what the repository has of that name."""
        if repository := self.repository(name):
            files = []
            for file in json.loads(body)["files"]:
                way = "lfs" if file["path"].endswith(LARGE) else "regular"
                has = repository.files.get(file["path"])
                oid = git_hash(has) if isinstance(has, bytes) else has
                files.append({"path": file["path"], "uploadMode": way, "shouldIgnore": False, "oid": oid})
            self.json({"files": files})

    def offer_large(self, body: bytes, name: str) -> None:
        """Say where the large files go that are not here."""
        if self.repository(name):
            objects = []
            for wanted in json.loads(body)["objects"]:
                if wanted["oid"] not in self.server.objects:
                    wanted["actions"] = {"upload": self.offer(wanted["oid"], wanted["size"])}
                objects.append(wanted)
            self.json({"transfer": "basic", "objects": objects})

    def offer(self, oid: str, size: int) -> dict[str, Any]:
        url, part_bytes = f"{self.server.url}/large/{oid}", self.server.part_bytes
        if part_bytes is None or size <= part_bytes:
            return {"href": url}
        parts = {str(1 + i): f"{url}/{1 + i}" for i in range(-(-size // part_bytes))}
        return {"href": f"{url}/complete", "header": {"chunk_size": str(part_bytes), **parts}}

    def keep_large(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            return self.json({"error": "the hash differs"}, 400)
        self.server.objects[oid] = body
        self.json({})

    def keep_part(self, body: bytes, oid: str, part: str) -> None:
        self.server.chunks[f"{oid}/{part}"] = body
        self.json({}, tag=part)

    def join_parts(self, body: bytes, oid: str) -> None:
        parts = json.loads(body)["parts"]
        whole = b"".join(self.server.chunks[f"{oid}/{part['partNumber']}"] for part in parts)
        self.keep_large(whole, oid)

    def commit(self, body: bytes, name: str) -> None:
        if repository := self.repository(name):
            lines = [json.loads(line) for line in body.splitlines()]
            for line in lines[1:]:
                value = line["value"]
                if line["key"] == "file":
                    repository.files[value["path"]] = base64.b64decode(value["content"])
                else:
                    self.server.sizes[value["oid"]] = value["size"]
                    repository.files[value["path"]] = value["oid"]
            repository.messages.append(lines[0]["value"]["summary"])
            url = f"{self.server.url}/{name}/commit/{REVISION}"
            self.json({"commitUrl": url, "commitOid": REVISION})

    def lend_chunks(self, _body: bytes, name: str) -> None:
        """Say where hf_xet sends its chunks, and with which token."""
        if self.repository(name):
            until = int(time.time()) + 3600
            self.json({"casUrl": self.server.url, "accessToken": "xet", "exp": until})

    def keep_chunks(self, body: bytes, chunk: str) -> None:
        is_new = chunk not in self.server.chunks
        self.server.chunks[chunk] = body
        self.json({"was_inserted": is_new})

    def keep_shard(self, _body: bytes) -> None:
        self.json({"result": 1})

    def json(self, value: Any, status: int = 200, code: str | None = None, tag: str | None = None) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if tag:
            self.send_header("ETag", tag)
        if status >= 400 and "error" in value:
            self.send_header("X-Error-Message", value["error"])
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.tell_change()


NAME = "([^/]+/[^/]+)"
ROUTES = (
    (r"GET /api/whoami-v2", Request.tell_user),
    (r"POST /api/validate-yaml", Request.check_card),
    (r"POST /api/repos/create", Request.create),
    (rf"GET /api/models/{NAME}(?:/revision/main)?", Request.tell_model),
    (rf"GET /api/models/{NAME}/auth-check/write", Request.check_right),
    (rf"GET /api/models/{NAME}/tree/main", Request.list_files),
    (rf"POST /api/models/{NAME}/preupload/main", Request.choose_ways),
    (rf"POST /{NAME}\.git/info/lfs/objects/batch", Request.offer_large),
    (r"PUT /large/([0-9a-f]{64})", Request.keep_large),
    (r"PUT /large/([0-9a-f]{64})/(\d+)", Request.keep_part),
    (r"POST /large/([0-9a-f]{64})/complete", Request.join_parts),
    (rf"POST /api/models/{NAME}/commit/main", Request.commit),
    (rf"GET /api/models/{NAME}/xet-write-token/main", Request.lend_chunks),
    (r"POST /v1/xorbs/default/([0-9a-f]+)", Request.keep_chunks),
    (r"POST /v1/shards", Request.keep_shard),
)


def git_hash(content: bytes) -> str:
    """The name that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def push_hub() -> Iterator[PushHub]:
    """A hub that serves while the block runs."""
    with PushHub() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.stopped.set()
        server.shutdown()
