"""Checks of a page in a browser: for keys, screen readers, weak eyes and narrow screens.

In: a page of playwright. Out: faults in words (WCAG 2.1: 1.3.1, 1.4.3, 1.4.10, 2.1.1, 2.4.3, 2.4.7,
4.1.2), as far as a script can tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 400, "height": 800}
_CHECKS = (Path(__file__).parent / "access.js").read_text(encoding="utf-8")
_FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const marked = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return [node === document.body ? "" : node.outerHTML.slice(0, 100), marked];
}"""
_STOPS = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((node) => node.checkVisibility({ checkVisibilityCSS: true }) && !node.disabled).length"""
_MOST_STOPS = 60


def faults(page: Any) -> list[str]:
    """Return what is wrong with a page, wide and narrow; the page is left narrow."""
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => done()))")
        found += [f"{size['width']}: {fault}" for fault in page.evaluate(_CHECKS)]
    return found


def focus_faults(page: Any) -> list[str]:
    """Return what is wrong with going through a page by the Tab key.

    Every stop must be marked; as many stops must come as there are controls (of long pages, the
    first sixty); the first must be the link past the menu.
    """
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    wanted = min(page.evaluate(_STOPS), _MOST_STOPS)
    stops, found = [], []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        shown, marked = page.evaluate(_FOCUSED)
        stops.append(shown)
        if shown and not marked:
            found.append(f"focus is not to be seen: {shown}")
    if not stops or 'class="skip"' not in stops[0]:
        found.append(f"the first stop is not the link past the menu: {stops[:1]}")
    if "" in stops[:-1]:
        found.append(f"only {stops.index('')} of {wanted} stops are reached")
    return found
