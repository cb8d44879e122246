"""What every request passes before it is answered: whose it is, from where, and how large."""

import asyncio
import hmac
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serving.errors import ApiError

MAX_BODY = 4_000_000  # bytes
BODY_SECONDS = 30  # for the whole body to arrive
OPEN_PATHS = ("/", "/health")  # that need no token, besides the page's own files
PAGE_PREFIX = "/page/"


class Guard:
    """Refuses requests of other web sites, without the token, too large, or too slow."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str | None) -> None:
        """`hosts`: names by which the server may be called; none: any. `token`: None: none is asked for."""
        self.app, self.hosts, self.token = app, frozenset(hosts), token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        try:
            self._check(scope, headers)
            body = await read_body(headers, receive)
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        except ClientGone:
            return
        await self.app(scope, replay(body, receive), send)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        """Raise ApiError for a request that may not be answered."""
        host = headers.get("host", "")
        name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
        if self.hosts and name.lower().rstrip(".") not in self.hosts:
            # A web site can point its own name at this machine, and so read what is served here.
            raise ApiError(403, f"host: {host!r}: this server is not called that", code="unknown_host")
        origin = headers.get("origin")
        if origin and origin.split("://", 1)[-1] != headers.get("host"):
            raise ApiError(403, f"origin: {origin!r}: other web sites may not ask here", code="other_origin")
        path = scope["path"]
        if self.token and path not in OPEN_PATHS and not path.startswith(PAGE_PREFIX):
            scheme, _, given = headers.get("authorization", "").partition(" ")
            is_right = hmac.compare_digest(given.strip().encode("latin-1"), self.token.encode())
            if scheme.lower() != "bearer" or not is_right:
                raise ApiError(401, "authorization: give this server's token: Bearer …", code="invalid_token")


class ClientGone(Exception):
    """The client has left before it had sent its request."""


async def read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """Return the body of a request. Raises ApiError for one that is too large, or takes too long."""
    too_large = ApiError(413, f"the body has more than {MAX_BODY:,} bytes; send less", code="body_too_large")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise too_large
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise ApiError(408, f"the body took more than {BODY_SECONDS} seconds; send it faster") from None


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body, and then what comes."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
