"""What a page must be, whatever it shows: accessible in light and dark, whole on a phone."""

import functools
from pathlib import Path
from typing import Any, Final, Literal, cast

from playwright.sync_api import Page

_AXE: Final = Path(__file__).parent / "vendor" / "axe.min.js"
_BAD: Final = frozenset({"serious", "critical"})
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
PHONE: Final = 360
"""Width in CSS pixels of the smallest phone that the pages are made for."""

_CUT = """() => {
  const width = document.documentElement.clientWidth;
  const found = [];
  const said = (element) => {
    const name = element.id ? `#${element.id}` : `.${[...element.classList].join(".")}`;
    return `${element.localName}${name} "${(element.textContent || "").trim().slice(0, 40)}"`;
  };
  // What scrolls in its own box, or is hidden from sight on purpose, is not cut.
  const excused = (element) => {
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (/auto|scroll/.test(style.overflowX) && box !== element) return true;
      if (style.position === "absolute" && (box.clientWidth <= 1 || style.clipPath !== "none")) {
        return true;
      }
    }
    return false;
  };
  if (document.documentElement.scrollWidth > width) {
    found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true }) || excused(element)) continue;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || element.closest("svg, template, datalist, option")) continue;
    if (box.right > width + 1 || box.left < -1) found.push(`outside: ${said(element)}`);
    const style = getComputedStyle(element);
    const hides = /hidden|clip/.test(style.overflowX);
    if (hides && element.scrollWidth > element.clientWidth + 1 && !element.title) {
      found.push(`cut: ${said(element)}`);
    }
  }
  return found.slice(0, 10);
}"""


def assert_accessible(page: Page) -> None:
    """Fail on what axe-core finds serious or critical, in light and in dark."""
    found = []
    for scheme in _SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {each}" for each in _violations(page)]
    page.emulate_media(color_scheme="light")

    assert [] == found


def assert_fits_a_phone(page: Page) -> None:
    """Fail if the page, 360 px wide, scrolls sideways or anything on it is cut off."""
    before = page.viewport_size
    page.set_viewport_size({"width": PHONE, "height": 740})
    try:
        found = page.evaluate(_CUT)
    finally:
        if before is not None:
            page.set_viewport_size(before)

    assert [] == found


def _violations(page: Page) -> list[str]:
    # Not a script tag, which the pages' policy forbids. In every frame, for axe asks those inside.
    for frame in page.frames:
        if not frame.evaluate("() => 'axe' in window"):
            frame.evaluate(_axe())
    result: dict[str, Any] = page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    violations = cast("list[dict[str, Any]]", result["violations"])
    return [
        f"{violation['id']} ({violation['impact']}): {node['html']}"
        for violation in violations
        if violation["impact"] in _BAD
        for node in violation["nodes"]
    ]


@functools.cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")
