"""Pages that are watched while they are open in a browser."""

from k2rel.report.pdf import chromium

CHROMIUM = chromium()


class Visit:
    """An open page, with what it complained of and what it asked of other hosts."""

    def __init__(self, browser, url, width=1280, selector=".k2x-said", **kind) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, **kind)
        self.complaints, self.outside = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        own = ("file:", "data:", "http://127.0.0.1:")
        self.page.on("request", lambda r: None if r.url.startswith(own) else self.outside.append(r.url))
        self.page.goto(url)
        self.page.wait_for_selector(selector)

    def mark(self, part):
        return self.page.locator(f"svg [data-part='{part}']").first

    def said(self):
        return self.page.inner_text(".k2x-said")

    def clean(self) -> None:
        assert self.complaints == []
        assert self.outside == []
        self.page.close()
