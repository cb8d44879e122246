"""Lists of links: every row of a file names a page or a file on the web, whose text is the document.

Many are fetched at once, few from one host. What has come is noted in a journal in the scratch folder, so
that a run that was stopped fetches nothing twice. Only http and https, and never from private addresses
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
from urllib3.exceptions import TimeoutError as Silence

from pipeline.common.errors import UserError
from pipeline.corpus.params import UrlsSource
from pipeline.corpus.readers.files import file_records
from pipeline.corpus.readers.records import Missing, Note, Record, Unreadable
from pipeline.corpus.sources.download_cache import folder_of

SLICE = 500  # links that are one piece, at least
SLICES = 256  # pieces of a list, at most: each reads it up to its end
PAGE_BYTES = 5_000  # of text behind a link, to begin with
AHEAD = 4  # fetches begun for each that runs
REDIRECTS = 5
SECONDS = 30.0  # that a host may be silent
WAITS = 1.0, 4.0, 16.0  # before another attempt
PATIENCE = 60.0  # seconds that a host may ask for before another attempt
LONGEST = 300.0  # seconds that a page may take
AGAIN = {408, 425, 429, 500, 502, 503, 504}
PASSING = requests.ConnectionError, requests.Timeout, ProtocolError, Silence  # faults that may be over soon
AGENT = "tezgah (a corpus of text for a small language model)"
URL_COLUMNS = ("url", "link", "uri", "adres")
# IPv6 addresses that stand for others: compatible ones, NAT64, Teredo and 6to4.
TRANSLATED = [
    ipaddress.ip_network(one) for one in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
]
CHARSETS = ("utf-8", "cp1254")  # tried where a page names none
# Elements of a page that are none of its text, and those that begin no new line.
SILENT = frozenset(
    ("script", "style", "title", "nav", "header", "footer", "noscript", "template", "svg", "button",
     "select", "textarea")
)  # fmt: skip
INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "img", "ins", "kbd", "mark", "q",
     "s", "small", "span", "strong", "sub", "sup", "u", "wbr")
)  # fmt: skip


@dataclass(frozen=True)
class LinkSlice:
    """Some rows of a list."""

    source: str
    path: Path
    start: int
    count: int
    settings: UrlsSource

    @property
    def size(self) -> int:
        """By the number of links."""
        return PAGE_BYTES * self.count

    def records(self) -> Iterator[Record | Unreadable | Missing | Note]:
        """The text behind each link, in the order of the list."""
        journal = Journal(self)
        fetch = Fetcher(self.settings)
        with ThreadPoolExecutor(self.settings.at_once) as pool:
            waiting: list[Any] = []
            for row, link in enumerate(self._links(), self.start + 1):
                if not isinstance(link, Record):
                    waiting.append(link)
                elif (known := journal.known.get(row, {})).get("url") == link.text.strip():
                    waiting.append(self._told(row, known))
                else:
                    waiting.append((row, pool.submit(fetch, link.text.strip())))
                while len(waiting) > self.settings.at_once * AHEAD:
                    yield self._result(waiting.pop(0), journal)
            for one in waiting:
                yield self._result(one, journal)

    def _links(self) -> Iterator[Any]:
        return islice(listed(self.path, self.settings), self.start, self.start + self.count)

    def _result(self, one: Any, journal: "Journal") -> Record | Unreadable | Missing | Note:
        if isinstance(one, Record | Unreadable | Missing | Note):
            return one
        row, future = one
        found = future.result()
        if "text" in found or "missing" in found:  # what may be another the next time is asked for again
            journal.add(row, found)
        return self._told(row, found)

    def _told(self, row: int, found: dict[str, str]) -> Record | Unreadable | Missing:
        where = f"{self.path}: row {row}: {found['url']}"
        if "refused" in found:
            return Unreadable(f"{where}: {found['refused']}")
        if why := found.get("missing") or found.get("later"):
            return Missing(f"{where}: {why}")
        return Record(found["text"], found["url"])


def slices(name: str, source: UrlsSource, path: Path) -> list[LinkSlice]:
    """A list in slices."""
    links = sum(1 for _ in listed(path, source))
    count = max(SLICE, -(-links // SLICES))
    starts = range(0, links, count)
    return [LinkSlice(name, path, start, min(count, links - start), source) for start in starts]


def listed(path: Path, source: UrlsSource) -> Iterator[Record | Unreadable]:
    """The rows of a list."""
    rows = file_records(path, source.url_column or found_column(path), "line")
    return (row for row in rows if not isinstance(row, Note))


def found_column(path: Path) -> str:
    """The column of a list that holds the links, by its usual names. Raises UserError where none is there."""
    for name in URL_COLUMNS:
        try:
            next((row for row in file_records(path, name) if isinstance(row, Record)), None)
        except UserError as error:
            if "no column" not in str(error):
                raise
        else:
            return name
    raise UserError(
        f"{path}: which column holds the links? set url_column; usual are {', '.join(URL_COLUMNS)}"
    )


class Journal:
    """What a slice's links have brought so far."""

    def __init__(self, slice: LinkSlice) -> None:
        of = f"{slice.path} {slice.start} {slice.settings.max_file_bytes}"
        self.path = folder_of(of) / "links.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.known: dict[int, dict[str, str]] = {}
        if self.path.exists():
            written = self.path.read_bytes()
            whole = written.rpartition(b"\n")[0]  # without a line that was not written to its end
            os.truncate(self.path, len(whole) + 1 if whole else 0)
            for line in whole.splitlines():
                entry = json.loads(line)
                self.known[entry.pop("row")] = entry

    def add(self, row: int, found: dict[str, str]) -> None:
        """Note what a link has brought."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"row": row, **found}, ensure_ascii=False) + "\n")


class Fetcher:
    """Fetches a link: its text, or why there is none."""

    def __init__(self, settings: UrlsSource) -> None:
        self.settings = settings
        self.hosts: dict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(settings.per_host)
        )
        self.guard = threading.Lock()
        self.local = threading.local()

    def __call__(self, url: str) -> dict[str, str]:
        """`text`; or `missing`: it was not to be had, or `later`, it may be at another time; or `refused`: it
        is not asked for.
        """
        for wait in (*WAITS, None):
            try:
                return {"url": url, **self._followed(url)}
            except Refused as error:
                return {"url": url, "refused": str(error)}
            except Later as error:
                if wait is None:
                    return {"url": url, "later": str(error)}
                time.sleep(max(wait, min(error.seconds, PATIENCE)))
            except (requests.RequestException, HTTPError, ValueError) as error:
                # A ValueError: no address at all, such as http://[a/.
                kind = "missing" if isinstance(error, ValueError) else "later"
                if wait is None or not isinstance(error, PASSING):
                    return {"url": url, kind: type(error).__name__}
                time.sleep(wait)
        raise AssertionError

    def _followed(self, url: str) -> dict[str, str]:
        for _ in range(REDIRECTS + 1):
            with self.guard:
                turn = self.hosts[host_of(url)]
            with (
                turn,
                self._session().get(url, stream=True, timeout=SECONDS, allow_redirects=False) as answer,
            ):
                if (target := self._session().get_redirect_target(answer)) is not None:
                    url = urljoin(url, target)
                    continue
                if answer.status_code in AGAIN:
                    seconds = answer.headers.get("retry-after", "0")
                    raise Later(
                        f"status {answer.status_code}", float(seconds) if seconds.isdecimal() else 0.0
                    )
                if answer.status_code != 200:
                    return {"missing": f"status {answer.status_code}"}
                return self._read(answer)
        return {"missing": f"more than {REDIRECTS} redirects"}

    def _session(self) -> requests.Session:
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.headers["User-Agent"] = AGENT
            self.local.session.trust_env = False  # no proxy, which would hide the address
            for scheme in ("http://", "https://"):
                self.local.session.mount(scheme, Guarded(self.settings.allow))
        return self.local.session

    def _read(self, answer: requests.Response) -> dict[str, str]:
        kind = answer.headers.get("content-type", "text/plain").split(";")[0].strip().lower()
        if not kind.startswith("text/") and kind not in ("application/json", "application/xhtml+xml"):
            return {"missing": f"is {kind}, not text"}
        limit = self.settings.max_file_bytes
        raw, until = bytearray(), time.monotonic() + LONGEST
        while chunk := answer.raw.read1(1 << 16, decode_content=True):  # what has come, be it a byte
            raw += chunk
            if len(raw) > limit:
                return {"missing": f"longer than max_file_bytes {limit}"}
            if time.monotonic() > until:
                return {"missing": f"took longer than {LONGEST:.0f} s"}
        text = decoded(bytes(raw), charset_of(answer.headers.get("content-type", "")))
        return {"text": text_of_page(text) if "html" in kind else text}


class Refused(Exception):
    """A link that is not asked for."""


class Later(Exception):
    """An answer after which it may be asked again, in some seconds."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def host_of(url: str) -> str:
    """The host of a link. Raises Refused for another scheme than http and https."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Refused(f"{parts.scheme or 'no scheme'}: only http and https are fetched; remove the row")
    return parts.hostname or ""


def public_address(host: str, port: int, by_name: Collection[str]) -> str:
    """Where a host is to be reached: one of its addresses. Raises Refused where any of them is private.

    A host that is allowed by name is handed back as it is. Raises OSError or UnicodeError for one that is not
    known.
    """
    if host in by_name:
        return host
    found = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    addresses = [str(address[0]) for *_, address in sorted(found, key=lambda one: one[0] != socket.AF_INET)]
    for address in addresses:
        if not is_public(ipaddress.ip_address(address.split("%")[0])):
            raise Refused(f"{host} is a private address; remove the row, or allow it: allow: [{host}]")
    return addresses[0]


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the open net, by the IPv4 one that it may stand for."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or any(address in network for network in TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


class Guarded(HTTPAdapter):
    """Connections of requests that go to a `public_address` alone."""

    def __init__(self, by_name: Collection[str]) -> None:
        self.by_name = by_name
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """The pools of connections, with guarded ones in them."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": guarded(HTTPConnection, self)}),
            "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": guarded(HTTPSConnection, self)}),
        }


def guarded(kind: type[HTTPConnection], adapter: Guarded) -> type[HTTPConnection]:
    """A kind of connection that goes to the very address that was looked at, as a name may mean another the
    next time.
    """

    def new_connection(self: HTTPConnection) -> socket.socket:
        name = self._dns_host
        try:
            self._dns_host = public_address(name.strip("[]"), self.port or 0, adapter.by_name)
            return kind._new_conn(self)
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from None
        finally:
            self._dns_host = name  # whose certificate is asked for

    return type("Checked", (kind,), {"_new_conn": new_connection})


def charset_of(content_type: str) -> str | None:
    """The charset that a Content-Type names."""
    for part in content_type.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key.lower() == "charset":
            return value.strip("\"' ")
    return None


def decoded(raw: bytes, charset: str | None) -> str:
    """A page's text, by what its header says, what it says itself in its first lines, or what fits."""
    head = raw[:1024].decode("latin-1").lower()
    named = [charset] if charset else []
    if "charset=" in head:
        named.append(
            head.split("charset=")[1].lstrip("\"' ").split('"')[0].split("'")[0].split(">")[0].strip(" /;")
        )
    for name in (*named, *CHARSETS):
        try:
            return raw.decode("cp1254" if name and name.lower() == "iso-8859-9" else name or "utf-8")
        except (ValueError, LookupError):  # not in it, or no encoding of that name
            continue
    return raw.decode("utf-8", "replace")


def text_of_page(page: str) -> str:
    """The readable text of an HTML page: what stands in its blocks, a line each."""
    # By libxml2, which no page keeps busy: unclosed marks cost Python's own parser their number's square.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    root = etree.fromstring(page.replace("\0", "").encode("utf-8", "replace"), parser)
    pieces: list[str] = []
    if root is None:  # nothing there
        return ""
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        text = element.text if event == "start" else element.tail
        if element.tag not in INLINE:
            pieces.append("\n")
        if event == "start" and element.tag in SILENT:
            walk.skip_subtree()
        elif text:
            pieces.append(" ".join(text.split("\n")))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)
