"""How soon a page of a report opens on a phone: python benchmarks/pages.py FOLDER [--write].

FOLDER holds rendered pages (`k2rel report --all --output FOLDER`). Chromium opens each one as a phone would, 390 pixels
wide at twice the density, its processor slowed to a quarter; medians of five visits. With ``--write`` the table becomes
the section "Weight and opening" of docs/how-to/reports.md.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from pathlib import Path

from marked import replace_section
from measured import machine, markdown_table
from playwright.sync_api import Browser, sync_playwright

VISITS = 5
SLOWER = 4
# the largest thing that was painted without anybody having scrolled, noted as it happens
WATCH = """
window.largest = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.largest = one.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
"""
# tables can be sorted and the drawing answers
READY = """() => [...document.querySelectorAll(".table-wrap")].every((wrap) =>
  (wrap.querySelector("tbody")?.rows.length ?? 0) < 2 || wrap.querySelector("button.copy"))
  && (!document.querySelector(".k2x") || document.querySelector(".k2x-said")) && performance.now()"""
FOUND = """() => [performance.getEntriesByName("first-contentful-paint")[0].startTime, window.largest,
  performance.getEntriesByType("navigation")[0].loadEventEnd]"""


def visit(browser: Browser, path: Path) -> list[float]:
    """Milliseconds to the first paint, the largest one, the end of loading, and until all answers to clicks."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    ready = page.wait_for_function(READY, polling="raf").json_value()
    page.wait_for_timeout(200)  # of a paint is told a moment after it
    times = [*page.evaluate(FOUND), ready]
    context.close()
    return times


def table(paths: list[Path]) -> str:
    """The section."""
    heads = ["page", "kB", "first paint [ms]", "largest paint [ms]", "loaded [ms]", "all answers to clicks [ms]"]
    rows: list[list[str]] = []
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for path in paths:
            visits = [visit(browser, path) for _ in range(VISITS)]
            figures = [f"{statistics.median(times):,.0f}" for times in zip(*visits, strict=True)]
            rows.append([path.stem, f"{path.stat().st_size / 1000:,.0f}", *figures])
        browser.close()
    return (
        f"## Weight and opening\n\nWritten by `benchmarks/pages.py`: medians of {VISITS} visits by headless Chromium, "
        f"390 pixels wide, its processor slowed to 1/{SLOWER} (about a phone), on {machine()}, shared with others. "
        f"Nothing is fetched: a page is one file.\n\n{markdown_table(heads, rows)}\n\n"
        "A page stays light since all drawings share one style sheet, content outside the window is laid out when "
        "scrolled to (`content-visibility`), and tables are made sortable while the browser is idle."
    )


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of rendered pages")
    parser.add_argument("--write", action="store_true", help="write the table into docs/how-to/reports.md")
    args = parser.parse_args()
    paths = sorted(args.folder.resolve().glob("*.html"))
    if not paths:
        sys.exit(f"{args.folder}: there is no page; k2rel report --all --output {args.folder} makes them")
    text = table(paths)
    print(text)
    if args.write:
        replace_section("how-to/reports.md", "pages", text)


if __name__ == "__main__":
    main()
