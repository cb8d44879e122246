"""Lists of links against a server on loopback that behaves as the web does."""

import gzip
import ipaddress
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.errors import UserError
from pipeline.corpus.params import UrlsSource
from pipeline.corpus.readers.records import Missing, Record, Unreadable
from pipeline.corpus.sources import urls
from pipeline.corpus.sources.urls import decoded, slices, text_of_page

PAGE = """<html><head><title>Başlık</title><style>p {}</style></head><body><nav>Menü</nav>
<h1>Ağaç</h1><p>Bir <b>ağaç</b>
vardı.</p><script>var x = "yok";</script><ul><li>dal</li><li>yaprak</li></ul></body></html>"""
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
        self.guard = threading.Lock()
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
                for _ in range(40):
                    self.wfile.write(b"a")
                    time.sleep(0.1)
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
        time.sleep(0.005)  # in which others may come
        with self.server.guard:
            self.server.open -= 1  # before the last byte, after which the next may come
        self.wfile.write(content)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    monkeypatch.setattr(urls, "WAITS", (0.01, 0.01))
    monkeypatch.setenv("TEZGAH_SCRATCH", str(tmp_path / "scratch"))
    with Web() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def fetched(web: Web, folder: Path, *paths: str, **settings: Any) -> list[Any]:
    host = f"http://127.0.0.1:{web.server_address[1]}"
    lines = [path if ":" in path else host + path for path in paths]
    path = folder / "urls.csv"
    path.write_text("title,url\n" + "".join(f"x,{line}\n" for line in lines))
    source = UrlsSource(kind="urls", path=["x"], **{"allow": ["127.0.0.1"], **settings})
    return [record for piece in slices("web", source, path) for record in piece.records()]


def test_texts_come_in_the_order_of_the_list_in_their_own_charset(web: Web, tmp_path: Path) -> None:
    found = fetched(web, tmp_path, "/plain", "/latin5", "/unnamed", "/page", "/meta", "/to/plain")
    light = "Işık ve gölge."
    page = "Ağaç\nBir ağaç vardı.\ndal\nyaprak"
    assert [record.text for record in found] == [light, light, light, page, page, light]
    assert found[0].id.endswith("/plain")


def test_what_is_not_to_be_had_is_missing_and_what_may_come_is_asked_again(web: Web, tmp_path: Path) -> None:
    found = fetched(
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
    for record, message in zip(found, says, strict=False):
        assert isinstance(record, Missing)
        assert message in record.message
    assert [record.text for record in found[5:]] == ["sonunda", "sonunda"]
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
def test_what_would_read_this_network_is_refused(web: Web, tmp_path: Path, link: str, message: str) -> None:
    path = tmp_path / "urls.csv"
    path.write_text(f"url\n{link}\n")
    source = UrlsSource(kind="urls", path=["x"])
    (record,) = [record for piece in slices("web", source, path) for record in piece.records()]
    assert isinstance(record, Unreadable)
    assert message in record.message
    assert not web.asked


def test_a_redirect_leads_nowhere_that_a_link_may_not(web: Web, tmp_path: Path) -> None:
    (record,) = fetched(web, tmp_path, "/to/inside")
    assert isinstance(record, Unreadable)
    assert "localhost is a private address" in record.message
    assert web.asked["/plain"] == 0


def test_a_name_that_means_another_address_the_second_time(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = iter(["8.8.8.8", "127.0.0.1"])
    found: list[str] = []

    def asked(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found.append(next(means) if host == "ikili.example" else host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found[-1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setattr(urls, "SECONDS", 0.2)
    path = tmp_path / "urls.csv"
    path.write_text(f"url\nhttp://ikili.example:{web.server_address[1]}/plain\n")
    (piece,) = slices("web", UrlsSource(kind="urls", path=["x"]), path)
    (record,) = piece.records()
    assert isinstance(record, Missing | Unreadable)
    assert not web.asked
    assert "8.8.8.8" in found  # the address that was looked at is the one that was gone to


def test_what_has_come_is_not_fetched_again(web: Web, tmp_path: Path) -> None:
    source = UrlsSource(kind="urls", path=["x"], allow=["127.0.0.1"], at_once=1)
    path = tmp_path / "links.jsonl"
    host = f"http://127.0.0.1:{web.server_address[1]}"
    names = ["/plain", "/no", *["/page"] * 18]
    path.write_text("".join(f'{{"url": "{host}{name}?{row}"}}\n' for row, name in enumerate(names)))
    ANSWERS.update({f"/page?{row}": ANSWERS["/page"] for row in range(20)} | {"/plain?0": ANSWERS["/plain"]})
    (piece,) = slices("web", source, path)
    begun = piece.records()
    first = [next(begun) for _ in range(6)]
    begun.close()
    asked = web.asked.copy()
    (journal,) = (tmp_path / "scratch").rglob("links.jsonl")
    journal.write_bytes(journal.read_bytes() + b'{"row": 7, "ur')  # as a crash leaves it
    found = list(piece.records())
    assert found[:6] == first
    assert [isinstance(record, Record) for record in found] == [True, False, *[True] * 18]
    assert all(web.asked[name] == times for name, times in list(asked.items())[:6])


def test_a_long_list_is_read_in_a_bounded_number_of_pieces(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "SLICE", 2)
    monkeypatch.setattr(urls, "SLICES", 3)
    paths = [f"/page?{row}" for row in range(20)]
    ANSWERS.update(dict.fromkeys(paths, ANSWERS["/page"]))
    found = fetched(web, tmp_path, *paths)
    assert [record.id.rpartition("?")[2] for record in found] == [str(row) for row in range(20)]
    assert [web.asked[path] for path in paths] == [1] * 20
    source = UrlsSource(kind="urls", path=["x"])
    assert [piece.count for piece in slices("web", source, tmp_path / "urls.csv")] == [7, 7, 6]


def test_what_may_come_another_time_is_asked_again_by_the_next_run(web: Web, tmp_path: Path) -> None:
    (first,) = fetched(web, tmp_path, "/gone")
    assert "status 500" in first.message
    asked = web.asked["/gone"]
    fetched(web, tmp_path, "/gone")
    assert web.asked["/gone"] == 2 * asked
    for _ in range(2):
        fetched(web, tmp_path, "/no")
    assert web.asked["/no"] == 1


def test_redirects_with_turkish_letters_and_answers_that_break_off(web: Web, tmp_path: Path) -> None:
    tea, cut = fetched(web, tmp_path, "/to/tea", "/cut")
    assert tea.text == "demli"
    assert cut.text == "yarıda kalmayan"
    assert web.asked["/cut"] == 2


def test_a_page_that_drips_is_given_up(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "LONGEST", 0.3)
    began = time.monotonic()
    (record,) = fetched(web, tmp_path, "/slow")
    assert isinstance(record, Missing)
    assert "took longer than" in record.message
    assert time.monotonic() - began < 3


def test_few_are_asked_of_one_host_at_a_time(web: Web, tmp_path: Path) -> None:
    found = fetched(web, tmp_path, *["/plain"] * 40, at_once=16, per_host=2)
    assert len(found) == 40
    assert web.most <= 2


def test_a_list_without_links(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"a\.csv\.gz: which column holds the links\? set url_column"):
        slices("web", UrlsSource(kind="urls", path=["x"]), tmp_path / "a.csv.gz")


def test_pages_of_any_kind_give_text() -> None:
    assert text_of_page("düz <p>yazı &amp; <br>satır</p>") == "düz\nyazı &\nsatır"
    assert decoded(b"\xff\xfe", None)
    assert decoded("ğ".encode(), "x-none") == decoded("ğ".encode(), "undefined") == "ğ"
    assert text_of_page("<p>önce</p><![a[ <p>sonra") == "önce\nsonra"
    assert text_of_page("<p>önce</p>" + "<a " * 1_000_000) == "önce"  # in less than days
    assert text_of_page("") == text_of_page("<!-- boş -->") == ""
    assert (
        text_of_page("<head><title>a</title><body><form><p>Haber</p><select><option>x</select></form>")
        == "Haber"
    )


def test_what_is_no_address_is_missing(web: Web, tmp_path: Path) -> None:
    found = fetched(web, tmp_path, "http://[a/", "http://a..b/", f"http://{'a' * 70}.com/", "/plain")
    assert [type(record) for record in found] == [Missing, Missing, Missing, Record]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("192.168.1.1", False), ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("::127.0.0.1", False), ("fec0::1", False),
        ("224.0.0.1", False), ("fe80::1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert urls.is_public(ipaddress.ip_address(address)) == public


def test_a_list_that_was_changed_is_not_answered_from_the_journal(web: Web, tmp_path: Path) -> None:
    assert isinstance(fetched(web, tmp_path, "file:///etc/passwd", "/page", allow=[])[0], Unreadable)
    (first, second) = fetched(web, tmp_path, "/plain", "/no")
    assert first.text == "Işık ve gölge."
    assert isinstance(second, Missing)


def test_a_txt_has_a_link_on_each_line(web: Web, tmp_path: Path) -> None:
    host = f"http://127.0.0.1:{web.server_address[1]}"
    (tmp_path / "urls.txt").write_text(f"{host}/plain\n{host}/page\n")
    source = UrlsSource(kind="urls", path=["x"], allow=["127.0.0.1"])
    found = [r for piece in slices("web", source, tmp_path / "urls.txt") for r in piece.records()]
    assert [record.text.split()[0] for record in found] == ["Işık", "Ağaç"]
