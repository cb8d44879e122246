"""The page of `dvc plots show`: its scripts are inside, so that it opens without a network."""

import re
import subprocess
import sys

import pytest

from tests.helpers.browser import CHROMIUM
from tests.helpers.paths import ROOT

PAGE = ROOT / ".dvc/plots.html"


def test_page_of_plots_has_its_scripts_and_their_license_inside():
    page = PAGE.read_text(encoding="utf-8")
    assert "html_template = plots.html" in (ROOT / ".dvc/config").read_text()
    assert "{plot_divs}" in page
    assert "{scripts}" not in page  # DVC would put links to a CDN there
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)
    assert "Redistribution and use in source and binary forms" in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_dvc_plots_show_opens_offline(browser, tmp_path):
    command = [sys.executable, "-m", "dvc", "plots", "show", "-o", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    complaints = []
    with browser.new_page() as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("request", lambda request: request.url.startswith("http") and complaints.append(request.url))
        page.goto((tmp_path / "index.html").as_uri())
        page.wait_for_selector("canvas, svg")
        assert page.locator("canvas, svg").count() > 10
    assert complaints == []
