"""Lists of URLs: every row of a file names a page or a file on the web, whose text is the document.

Many are fetched at once, few from one host. Results are written to a journal in the scratch folder, so that
an interrupted run fetches nothing twice. Only http and https are fetched, and never from private addresses
unless they are allowed by name, wherever redirects lead: a list from elsewhere must not read this network.
"""

import ipaddress
import json
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from lxml import etree
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, ProtocolError
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, dump_messages, join_texts, load_messages
from pipeline.corpus.params import UrlsSource
from pipeline.corpus.readers.files import read_file
from pipeline.corpus.readers.records import Missing, Record
from pipeline.corpus.sources.download_cache import download_folder
from pipeline.readers.rows import Note, Unreadable

MIN_SHARD_LINKS = 500
MAX_SHARDS = 256  # of a list, as each shard reads the list up to its own end
PAGE_BYTES = 5_000  # of text behind a link, estimated
PREFETCH = 4  # fetches submitted for each that runs
MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 30.0  # without a byte from the host
RETRY_WAITS = 1.0, 4.0, 16.0  # seconds before each further attempt
MAX_RETRY_AFTER = 60.0  # seconds, at most, that a Retry-After header delays an attempt
MAX_PAGE_SECONDS = 300.0  # for all of a page
RETRY_STATUSES = {408, 425, 429, 500, 502, 503, 504}
TRANSIENT_ERRORS = requests.ConnectionError, requests.Timeout, ProtocolError, Urllib3Timeout
USER_AGENT = "tezgah (a corpus of text for a small language model)"
URL_COLUMNS = ("url", "link", "uri", "adres")
# IPv6 addresses that embed an IPv4 address: compatible ones, NAT64, Teredo and 6to4.
EMBEDDING_NETWORKS = [
    ipaddress.ip_network(network)
    for network in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
]
CHARSETS = ("utf-8", "cp1254")  # tried where a page declares none
# Elements of a page that are no part of its text, and those that begin no new line.
SKIPPED_ELEMENTS = frozenset(
    ("script", "style", "title", "nav", "header", "footer", "noscript", "template", "svg", "button",
     "select", "textarea")
)  # fmt: skip
INLINE_ELEMENTS = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "img", "ins", "kbd", "mark", "q",
     "s", "small", "span", "strong", "sub", "sup", "u", "wbr")
)  # fmt: skip


@dataclass(frozen=True)
class UrlShard:
    """Consecutive rows of a list of URLs."""

    source: str
    path: Path
    start: int
    count: int
    params: UrlsSource

    @property
    def size(self) -> int:
        """Estimated bytes of text, by the number of links."""
        return PAGE_BYTES * self.count

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """Yield the text behind each link, in the order of the list."""
        journal = Journal(self)
        fetch = Fetcher(self.params)
        with ThreadPoolExecutor(self.params.at_once) as pool:
            pending: list[Any] = []
            for row, link in enumerate(self._links(), self.start + 1):
                if not isinstance(link, Record):
                    pending.append(link)
                elif (entry := journal.entries.get(row, {})).get("url") == link.text.strip():
                    pending.append(self._make_record(row, entry))
                else:
                    pending.append((row, pool.submit(fetch, link.text.strip())))
                while len(pending) > self.params.at_once * PREFETCH:
                    yield self._await_result(pending.pop(0), journal)
            for item in pending:
                yield self._await_result(item, journal)

    def _links(self) -> Iterator[Any]:
        return islice(read_links(self.path, self.params), self.start, self.start + self.count)

    def _await_result(self, item: Any, journal: "Journal") -> Record | Unreadable | Missing | Note:
        if isinstance(item, Record | Unreadable | Missing | Note):
            return item
        row, future = item
        result = future.result()
        if "text" in result or "missing" in result:  # others may change and are fetched again next time
            journal.add(row, result)
        return self._make_record(row, result)

    def _make_record(self, row: int, result: dict[str, str]) -> Record | Unreadable | Missing:
        location = Translatable("{path}: row {number}: {url}", path=self.path, number=row, url=result["url"])
        if "refused" in result:
            return Unreadable(join_texts(": ", [location, result["refused"]]))
        if reason := result.get("missing") or result.get("later"):
            return Missing(join_texts(": ", [location, reason]))
        return Record(result["text"], result["url"])


def list_url_shards(name: str, params: UrlsSource, path: Path) -> list[UrlShard]:
    """Divide a list into shards."""
    links = sum(1 for _ in read_links(path, params))
    count = max(MIN_SHARD_LINKS, -(-links // MAX_SHARDS))
    starts = range(0, links, count)
    return [UrlShard(name, path, start, min(count, links - start), params) for start in starts]


def read_links(path: Path, params: UrlsSource) -> Iterator[Record | Unreadable]:
    """Yield the rows of a list of URLs."""
    rows = read_file(path, params.url_column or guess_url_column(path), "line")
    return (row for row in rows if not isinstance(row, Note))


def guess_url_column(path: Path) -> str:
    """Return the column of a list that holds the links, by its usual names. Raises UserError without one."""
    for name in URL_COLUMNS:
        try:
            next((row for row in read_file(path, name) if isinstance(row, Record)), None)
        except UserError as error:
            if "no column" not in str(error):
                raise
        else:
            return name
    raise UserError(
        "{path}: which column holds the links? set url_column; usual are {url_columns}",
        path=path,
        url_columns=", ".join(URL_COLUMNS),
    )


class Journal:
    """The results of a shard's links so far, by row, in a file that survives an interrupted run."""

    def __init__(self, shard: UrlShard) -> None:
        identity = f"{shard.path} {shard.start} {shard.params.max_file_bytes}"
        self.path = download_folder(identity) / "links.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.entries: dict[int, dict[str, str]] = {}
        if self.path.exists():
            content = self.path.read_bytes()
            complete = content.rpartition(b"\n")[0]  # without a last line that was cut off
            os.truncate(self.path, len(complete) + 1 if complete else 0)
            for line in complete.splitlines():
                entry = load_messages(json.loads(line))
                self.entries[entry.pop("row")] = entry

    def add(self, row: int, result: dict[str, str]) -> None:
        """Write the result of a link."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"row": row, **dump_messages(result)}, ensure_ascii=False) + "\n")


class Fetcher:
    """Fetches a link: its text, or the reason why there is none."""

    def __init__(self, params: UrlsSource) -> None:
        self.params = params
        self.hosts: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(params.per_host))
        self.lock = threading.Lock()
        self.local = threading.local()

    def __call__(self, url: str) -> dict[str, str]:
        """Return the `url` with its `text`, or with the reason why there is none.

        The reason's key is `missing` if it cannot be fetched, `later` if it may be at another time, `refused`
        if it must not be fetched.
        """
        for wait in (*RETRY_WAITS, None):
            try:
                return {"url": url, **self._follow_redirects(url)}
            except RefusedUrl as error:
                return {"url": url, "refused": error.message}
            except RetryLater as error:
                if wait is None:
                    return {"url": url, "later": error.message}
                time.sleep(max(wait, min(error.seconds, MAX_RETRY_AFTER)))
            except (requests.RequestException, HTTPError, ValueError) as error:
                # A ValueError: no address at all, such as http://[a/.
                kind = "missing" if isinstance(error, ValueError) else "later"
                if wait is None or not isinstance(error, TRANSIENT_ERRORS):
                    return {"url": url, kind: type(error).__name__}
                time.sleep(wait)
        raise AssertionError

    def _follow_redirects(self, url: str) -> dict[str, str]:
        for _ in range(MAX_REDIRECTS + 1):
            with self.lock:
                semaphore = self.hosts[parse_host(url)]
            with (
                semaphore,
                self._session().get(
                    url, stream=True, timeout=TIMEOUT_SECONDS, allow_redirects=False
                ) as response,
            ):
                if (target := self._session().get_redirect_target(response)) is not None:
                    url = urljoin(url, target)
                    continue
                if response.status_code in RETRY_STATUSES:
                    seconds = response.headers.get("retry-after", "0")
                    raise RetryLater(
                        Translatable("status {code}", code=response.status_code),
                        float(seconds) if seconds.isdecimal() else 0.0,
                    )
                if response.status_code != 200:
                    return {"missing": Translatable("status {code}", code=response.status_code)}
                return self._read_body(response)
        return {"missing": Translatable("more than {count} redirects", count=MAX_REDIRECTS)}

    def _session(self) -> requests.Session:
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.headers["User-Agent"] = USER_AGENT
            self.local.session.trust_env = False  # no proxy, which would hide the address
            for scheme in ("http://", "https://"):
                self.local.session.mount(scheme, PublicAddressAdapter(self.params.allow))
        return self.local.session

    def _read_body(self, response: requests.Response) -> dict[str, str]:
        kind = response.headers.get("content-type", "text/plain").split(";")[0].strip().lower()
        if not kind.startswith("text/") and kind not in ("application/json", "application/xhtml+xml"):
            return {"missing": Translatable("is {kind}, not text", kind=kind)}
        limit = self.params.max_file_bytes
        raw, deadline = bytearray(), time.monotonic() + MAX_PAGE_SECONDS
        while chunk := response.raw.read1(1 << 16, decode_content=True):  # returns as soon as a byte has come
            raw += chunk
            if len(raw) > limit:
                return {"missing": Translatable("longer than max_file_bytes {limit}", limit=limit)}
            if time.monotonic() > deadline:
                return {"missing": Translatable("took longer than {seconds:.0f} s", seconds=MAX_PAGE_SECONDS)}
        text = decode_page(bytes(raw), parse_charset(response.headers.get("content-type", "")))
        return {"text": extract_text(text) if "html" in kind else text}


class RefusedUrl(Exception):
    """A link that must not be fetched."""

    def __init__(self, message: Translatable) -> None:
        super().__init__(message)
        self.message = message


class RetryLater(Exception):
    """A response after which the request may be repeated, in some seconds."""

    def __init__(self, message: Translatable, seconds: float) -> None:
        super().__init__(message)
        self.message, self.seconds = message, seconds


def parse_host(url: str) -> str:
    """Return the host of a link. Raises RefusedUrl for another scheme than http and https."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        scheme = parts.scheme or Translatable("no scheme")
        raise RefusedUrl(
            Translatable("{scheme}: only http and https are fetched; remove the row", scheme=scheme)
        )
    return parts.hostname or ""


def public_address(host: str, port: int, allowed: Collection[str]) -> str:
    """Return one of the addresses of a host. Raises RefusedUrl where any of them is private.

    A host that is `allowed` by name is returned as it is. Raises OSError or UnicodeError for an unknown one.
    """
    if host in allowed:
        return host
    infos = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    addresses = [str(address[0]) for *_, address in sorted(infos, key=lambda info: info[0] != socket.AF_INET)]
    for address in addresses:
        if not is_public(ipaddress.ip_address(address.split("%")[0])):
            raise RefusedUrl(
                Translatable(
                    "{host} is a private address; remove the row, or allow it: allow: [{host}]", host=host
                )
            )
    return addresses[0]


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell if an address is public, by the IPv4 address that it may embed."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or any(address in network for network in EMBEDDING_NETWORKS):
            return False
    return address.is_global and not address.is_multicast


class PublicAddressAdapter(HTTPAdapter):
    """An adapter of requests whose connections go to a `public_address` only."""

    def __init__(self, allowed: Collection[str]) -> None:
        self.allowed = allowed
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of connections, with guarded connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type(
                "Pool", (HTTPConnectionPool,), {"ConnectionCls": guarded_connection(HTTPConnection, self)}
            ),
            "https": type(
                "Pool", (HTTPSConnectionPool,), {"ConnectionCls": guarded_connection(HTTPSConnection, self)}
            ),
        }


def guarded_connection(kind: type[HTTPConnection], adapter: PublicAddressAdapter) -> type[HTTPConnection]:
    """Return a class of connections that go to the very address that was checked.

    A name may resolve to another address the next time.
    """

    def new_connection(self: HTTPConnection) -> socket.socket:
        name = self._dns_host
        try:
            self._dns_host = public_address(name.strip("[]"), self.port or 0, adapter.allowed)
            return kind._new_conn(self)
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from None
        finally:
            self._dns_host = name  # for the certificate

    return type("Checked", (kind,), {"_new_conn": new_connection})


def parse_charset(content_type: str) -> str | None:
    """Return the charset that a Content-Type declares."""
    for part in content_type.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key.lower() == "charset":
            return value.strip("\"' ")
    return None


def decode_page(raw: bytes, charset: str | None) -> str:
    """Decode a page by the charset of its header, or that of its first lines, or the first that fits."""
    head = raw[:1024].decode("latin-1").lower()
    candidates = [charset] if charset else []
    if "charset=" in head:
        candidates.append(
            head.split("charset=")[1].lstrip("\"' ").split('"')[0].split("'")[0].split(">")[0].strip(" /;")
        )
    for name in (*candidates, *CHARSETS):
        try:
            return raw.decode("cp1254" if name and name.lower() == "iso-8859-9" else name or "utf-8")
        except (ValueError, LookupError):  # bytes that it lacks, or no such encoding
            continue
    return raw.decode("utf-8", "replace")


def extract_text(page: str) -> str:
    """Return the readable text of an HTML page, a line for each block."""
    # By libxml2: Python's own parser takes time quadratic in the number of unclosed tags.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    root = etree.fromstring(page.replace("\0", "").encode("utf-8", "replace"), parser)
    pieces: list[str] = []
    if root is None:  # an empty page
        return ""
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        text = element.text if event == "start" else element.tail
        if element.tag not in INLINE_ELEMENTS:
            pieces.append("\n")
        if event == "start" and element.tag in SKIPPED_ELEMENTS:
            walk.skip_subtree()
        elif text:
            pieces.append(" ".join(text.split("\n")))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)
