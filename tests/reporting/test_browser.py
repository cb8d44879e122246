"""The page in a real Chromium: no error, no request, no sideways scrolling, no serious fault by axe."""

import pytest

from pipeline.reporting.page import SECTIONS, draw_page
from tests.helpers.browser import CHROMIUM

pytest.importorskip("playwright.sync_api", reason="run by `make test-all`")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="run by `make test-all`")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
HAS_FIGURE = ".chart, table, .graph, .tokens, .cards, pre"


@pytest.fixture(scope="module")
def files(run, other_run, extras, tmp_path_factory):
    """The page of a run and that of two, as files."""
    folder = tmp_path_factory.mktemp("page")
    pages = {"one": draw_page(run), "two": draw_page(run, other=other_run, extras=extras)}
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: f"file://{folder}/{name}.html" for name in pages}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", ["one", "two"])
def test_page_opens_without_fault(browser, files, name, width, scheme):
    complaints = []
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(files[name])
        assert complaints == [files[name]]
        for section in SECTIONS:
            figure = page.locator(f"#{section.id}").locator(HAS_FIGURE).first
            assert figure.count(), section.id
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = axe.Axe().run(page).response["violations"]
        serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in serious] == []


def test_page_is_drawn_at_once(browser, files):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(files["one"])
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        assert loaded < 1000


def test_page_is_printed_with_all_its_sections(browser, files):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(files["one"])
        page.emulate_media(media="print")
        assert page.locator("nav").is_hidden()
        assert page.locator("section h2").first.is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")
