"""What tabs and the browser's history say."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize(("address", "title"), [("/", "Home"), ("/ood", "Out of distribution")])
def test_every_page_has_its_title(page, address, title):
    page.goto(address)
    expect(page).to_have_title(f"{title} · GWAE Explorer")
