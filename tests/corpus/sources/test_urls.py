"""Lists of links against a server on loopback that behaves as the web does."""

import gzip
import ipaddress
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.errors import UserError
from pipeline.corpus.params import UrlsSource
from pipeline.corpus.readers.records import Missing, Record
from pipeline.corpus.sources import urls
from pipeline.corpus.sources.urls import decode_page, extract_text, list_url_shards
from pipeline.readers.rows import Unreadable

PAGE = """<html><head><title>Başlık</title><style>p {}</style></head><body><nav>Menü</nav>
<h1>Ağaç</h1><p>Bir <b>ağaç</b>
vardı.</p><script>var x = "yok";</script><ul><li>dal</li><li>yaprak</li></ul></body></html>"""
PER_HOST = 2  # requests at a time
ANSWERS: dict[str, tuple[str, bytes]] = {
    "/plain": ("text/plain; charset=utf-8", "Işık ve gölge.".encode()),
    "/latin5": ("text/plain; charset=ISO-8859-9", "Işık ve gölge.".encode("iso-8859-9")),
    "/unnamed": ("text/plain", "Işık ve gölge.".encode("cp1254")),
    "/page": ("text/html", PAGE.encode()),
    "/meta": ("text/html", f"<meta charset='windows-1254'>{PAGE}".encode("cp1254")),
    "/picture": ("image/png", b"\x89PNG"),
    "/%C3%A7ay": ("text/plain", b"demli"),
    "/cut": ("text/plain", "yarıda kalmayan".encode()),
    "/long": ("text/plain", b"uzun " * 1000),
}


class Web(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: Counter[str] = Counter()
        self.guard = threading.Condition()
        self.stopped = threading.Event()
        self.open = self.most = 0


class Answer(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, *_given: Any) -> None:
        pass

    def do_GET(self) -> None:
        with self.server.guard:
            self.server.asked[self.path] += 1
            self.server.open += 1
            self.server.most = max(self.server.most, self.server.open)
            self.server.guard.notify_all()
        times = self.server.asked[self.path]
        headers: dict[str, str] = {}
        more = False  # is promised than comes
        kind, content = ANSWERS.get(self.path, ("text/plain", b""))
        status = 200 if self.path in ANSWERS else 404
        if self.path in ("/busy", "/broken"):
            status, content = (200, b"sonunda") if times > 2 else (429 if self.path == "/busy" else 500, b"")
            headers["Retry-After"] = "0"
        elif self.path == "/gone":
            status = 500
        elif self.path == "/cut":
            more = times == 1
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"a")
                    if self.server.stopped.wait(0.05):
                        break
            self.close_connection = True
            return
        elif self.path.startswith("/to/"):
            port = self.server.server_address[1]
            letters = "/çay".encode().decode("latin-1")  # as some servers have them, against the standard
            target = {
                "plain": "/plain",
                "tea": letters,
                "inside": f"http://localhost:{port}/plain",
                "round": "/to/round",
            }
            status, headers["Location"] = 302, target[self.path.removeprefix("/to/")]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) + 5 * more))
        self.end_headers()
        with self.server.guard:
            self.server.guard.wait_for(lambda: self.server.open > PER_HOST, 0.005)  # seconds
            self.server.open -= 1  # before the last byte, after which the next may come
        self.wfile.write(content)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    monkeypatch.setattr(urls, "RETRY_WAITS", (0.01, 0.01))
    monkeypatch.setenv("TEZGAH_SCRATCH", str(tmp_path / "scratch"))
    with Web() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.stopped.set()
        server.shutdown()


def fetch_all(web: Web, folder: Path, *paths: str, **params: Any) -> list[Any]:
    host = f"http://127.0.0.1:{web.server_address[1]}"
    lines = [path if ":" in path else host + path for path in paths]
    path = folder / "urls.csv"
    path.write_text("title,url\n" + "".join(f"x,{line}\n" for line in lines))
    source = UrlsSource(kind="urls", path=["x"], **{"allow": ["127.0.0.1"], **params})
    return [record for shard in list_url_shards("web", source, path) for record in shard.records()]


def test_url_shard_yields_texts_in_order_and_decodes_each_charset(web: Web, tmp_path: Path) -> None:
    records = fetch_all(web, tmp_path, "/plain", "/latin5", "/unnamed", "/page", "/meta", "/to/plain")
    light = "Işık ve gölge."
    page = "Ağaç\nBir ağaç vardı.\ndal\nyaprak"
    assert [record.text for record in records] == [light, light, light, page, page, light]
    assert records[0].id.endswith("/plain")


def test_fetcher_reports_missing_pages_and_retries_transient_errors(web: Web, tmp_path: Path) -> None:
    records = fetch_all(
        web,
        tmp_path,
        "/no",
        "/picture",
        "/long",
        "/gone",
        "/to/round",
        "/busy",
        "/broken",
        max_file_bytes=4000,
    )
    says = [
        "status 404",
        "is image/png",
        "longer than max_file_bytes 4000",
        "status 500",
        "more than 5 redirects",
    ]
    for record, message in zip(records, says, strict=False):
        assert isinstance(record, Missing)
        assert message in record.message
    assert [record.text for record in records[5:]] == ["sonunda", "sonunda"]
    assert web.asked["/gone"] == 3


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("file:///etc/passwd", "urls.csv: row 1: file:///etc/passwd: file: only http and https are fetched"),
        (
            "http://127.0.0.1:9/x",
            "127.0.0.1 is a private address; remove the row, or allow it: allow: [127.0.0.1]",
        ),
        ("http://[::1]/x", "::1 is a private address"),
        ("http://[::ffff:127.0.0.1]/x", "is a private address"),
        ("http://10.1.2.3/x", "10.1.2.3 is a private address"),
        ("http://169.254.169.254/latest", "169.254.169.254 is a private address"),
        ("ornek", "no scheme: only http and https"),
    ],
)
def test_fetcher_refuses_private_addresses_and_other_schemes(
    web: Web, tmp_path: Path, link: str, message: str
) -> None:
    path = tmp_path / "urls.csv"
    path.write_text(f"url\n{link}\n")
    source = UrlsSource(kind="urls", path=["x"])
    (record,) = [record for shard in list_url_shards("web", source, path) for record in shard.records()]
    assert isinstance(record, Unreadable)
    assert message in record.message
    assert not web.asked


def test_fetcher_refuses_redirects_to_private_addresses(web: Web, tmp_path: Path) -> None:
    (record,) = fetch_all(web, tmp_path, "/to/inside")
    assert isinstance(record, Unreadable)
    assert "localhost is a private address" in record.message
    assert web.asked["/plain"] == 0


def test_guarded_connection_goes_to_the_address_that_was_checked(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = iter(["8.8.8.8", "127.0.0.1"])
    found: list[str] = []

    def asked(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found.append(next(addresses) if host == "ikili.example" else host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found[-1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setattr(urls, "TIMEOUT_SECONDS", 0.2)
    path = tmp_path / "urls.csv"
    path.write_text(f"url\nhttp://ikili.example:{web.server_address[1]}/plain\n")
    (shard,) = list_url_shards("web", UrlsSource(kind="urls", path=["x"]), path)
    (record,) = shard.records()
    assert isinstance(record, Missing | Unreadable)
    assert not web.asked
    assert "8.8.8.8" in found  # the address that was looked at is the one that was gone to


def test_journal_saves_fetching_again(web: Web, tmp_path: Path) -> None:
    source = UrlsSource(kind="urls", path=["x"], allow=["127.0.0.1"], at_once=1)
    path = tmp_path / "links.jsonl"
    host = f"http://127.0.0.1:{web.server_address[1]}"
    names = ["/plain", "/no", *["/page"] * 18]
    path.write_text("".join(f'{{"url": "{host}{name}?{row}"}}\n' for row, name in enumerate(names)))
    ANSWERS.update({f"/page?{row}": ANSWERS["/page"] for row in range(20)} | {"/plain?0": ANSWERS["/plain"]})
    (shard,) = list_url_shards("web", source, path)
    begun = shard.records()
    first = [next(begun) for _ in range(6)]
    begun.close()
    asked = web.asked.copy()
    (journal,) = (tmp_path / "scratch").rglob("links.jsonl")
    journal.write_bytes(journal.read_bytes() + b'{"row": 7, "ur')  # as a crash leaves it
    records = list(shard.records())
    assert records[:6] == first
    assert [isinstance(record, Record) for record in records] == [True, False, *[True] * 18]
    assert all(web.asked[name] == times for name, times in list(asked.items())[:6])


def test_list_url_shards_makes_a_bounded_number_of_shards(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "MIN_SHARD_LINKS", 2)
    monkeypatch.setattr(urls, "MAX_SHARDS", 3)
    paths = [f"/page?{row}" for row in range(20)]
    ANSWERS.update(dict.fromkeys(paths, ANSWERS["/page"]))
    records = fetch_all(web, tmp_path, *paths)
    assert [record.id.rpartition("?")[2] for record in records] == [str(row) for row in range(20)]
    assert [web.asked[path] for path in paths] == [1] * 20
    source = UrlsSource(kind="urls", path=["x"])
    assert [shard.count for shard in list_url_shards("web", source, tmp_path / "urls.csv")] == [7, 7, 6]


def test_journal_omits_transient_errors(web: Web, tmp_path: Path) -> None:
    (first,) = fetch_all(web, tmp_path, "/gone")
    assert "status 500" in first.message
    asked = web.asked["/gone"]
    fetch_all(web, tmp_path, "/gone")
    assert web.asked["/gone"] == 2 * asked
    for _ in range(2):
        fetch_all(web, tmp_path, "/no")
    assert web.asked["/no"] == 1


def test_fetcher_follows_turkish_redirects_and_retries_incomplete_responses(web: Web, tmp_path: Path) -> None:
    tea, cut = fetch_all(web, tmp_path, "/to/tea", "/cut")
    assert tea.text == "demli"
    assert cut.text == "yarıda kalmayan"
    assert web.asked["/cut"] == 2


def test_fetcher_gives_up_a_slow_page(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "MAX_PAGE_SECONDS", 0.3)
    (record,) = fetch_all(web, tmp_path, "/slow")
    assert isinstance(record, Missing)
    assert "took longer than" in record.message


def test_fetcher_limits_connections_per_host(web: Web, tmp_path: Path) -> None:
    records = fetch_all(web, tmp_path, *["/plain"] * 40, at_once=16, per_host=PER_HOST)
    assert len(records) == 40
    assert web.most <= PER_HOST


def test_list_url_shards_refuses_a_list_without_a_url_column(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"a\.csv\.gz: which column holds the links\? set url_column"):
        list_url_shards("web", UrlsSource(kind="urls", path=["x"]), tmp_path / "a.csv.gz")


def test_extract_text_and_decode_page_of_unusual_pages() -> None:
    assert extract_text("düz <p>yazı &amp; <br>satır</p>") == "düz\nyazı &\nsatır"
    assert decode_page(b"\xff\xfe", None)
    assert decode_page("ğ".encode(), "x-none") == decode_page("ğ".encode(), "undefined") == "ğ"
    assert extract_text("<p>önce</p><![a[ <p>sonra") == "önce\nsonra"
    assert extract_text("<p>önce</p>" + "<a " * 1_000_000) == "önce"  # in less than days
    assert extract_text("") == extract_text("<!-- boş -->") == ""
    assert (
        extract_text("<head><title>a</title><body><form><p>Haber</p><select><option>x</select></form>")
        == "Haber"
    )


def test_fetcher_reports_invalid_addresses_as_missing(web: Web, tmp_path: Path) -> None:
    records = fetch_all(web, tmp_path, "http://[a/", "http://a..b/", f"http://{'a' * 70}.com/", "/plain")
    assert [type(record) for record in records] == [Missing, Missing, Missing, Record]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("192.168.1.1", False), ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("::127.0.0.1", False), ("fec0::1", False),
        ("224.0.0.1", False), ("fe80::1", False),
    ],
)  # fmt: skip
def test_is_public(address: str, public: bool) -> None:
    assert urls.is_public(ipaddress.ip_address(address)) == public


def test_journal_ignores_rows_whose_url_changed(web: Web, tmp_path: Path) -> None:
    assert isinstance(fetch_all(web, tmp_path, "file:///etc/passwd", "/page", allow=[])[0], Unreadable)
    (first, second) = fetch_all(web, tmp_path, "/plain", "/no")
    assert first.text == "Işık ve gölge."
    assert isinstance(second, Missing)


def test_list_url_shards_of_a_txt_has_a_link_on_each_line(web: Web, tmp_path: Path) -> None:
    host = f"http://127.0.0.1:{web.server_address[1]}"
    (tmp_path / "urls.txt").write_text(f"{host}/plain\n{host}/page\n")
    source = UrlsSource(kind="urls", path=["x"], allow=["127.0.0.1"])
    found = [r for shard in list_url_shards("web", source, tmp_path / "urls.txt") for r in shard.records()]
    assert [record.text.split()[0] for record in found] == ["Işık", "Ağaç"]
