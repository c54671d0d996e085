"""``make screenshots``: the main screens as pictures in docs/screenshots.

A page is added by a row: ``Screen(name=..., show=...)`` in the ``SCREENS`` of a module that is
named here. Clock, ids and data are the same every time, so that a picture changes with its page.
"""

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from tests.browser import screens_console, screens_demo
from tests.browser.chromium import find_browser, launch
from tests.browser.screens import Screen, staged
from tests.browser.small_png import small

ALL: Final[tuple[Screen, ...]] = (*screens_demo.SCREENS, *screens_console.SCREENS)
FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"


def main(wanted: list[str]) -> int:
    """Take the pictures whose names begin with one of ``wanted``, or all. Returns the exit code."""
    if find_browser() is None:
        sys.stderr.write("No Chromium is installed (Debian: apt install chromium).\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [screen for screen in ALL if screen.name.startswith(tuple(wanted or [""]))]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        empty = browser.new_page()
        for screen in chosen:
            with staged(browser, screen) as stage:
                screen.show(stage)
                stage.page.mouse.move(0, 0)
                taken = stage.page.screenshot(animations="disabled")
                (FOLDER / f"{screen.name}.png").write_bytes(small(empty, taken))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
