"""A visitor without a mouse: everything is reached by Tab and the arrows, and used by Enter and Space."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Locator, Page, expect

#: More stops than any page has, also twice around it.
_MAX_STOPS: Final = 250
_IS_FOCUSED: Final = "element => element === document.activeElement"
#: What is focused must be seen to be (WCAG 2.4.7), and lie in the window (2.4.11).
_IS_SEEN: Final = """element => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
    && box.bottom > 0 && box.top < innerHeight;
}"""


class Keyboard:
    """Uses a page without a mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, target: Locator) -> None:
        """Press Tab until the element has the focus. Fails if it never gets it, or if that cannot be seen."""
        expect(target).to_be_attached()
        for _ in range(_MAX_STOPS):
            if target.evaluate(_IS_FOCUSED):
                assert target.evaluate(_IS_SEEN), f"{self.page.url}: the focus on {target} cannot be seen"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.page.url}: Tab never reaches {target}")

    def press_link(self, name: str | re.Pattern[str]) -> None:
        self.reach(self.page.get_by_role("link", name=name, exact=isinstance(name, str)).first)
        self.page.keyboard.press("Enter")

    def press_button(self, name: str | re.Pattern[str]) -> None:
        self.reach(self.page.get_by_role("button", name=name, exact=isinstance(name, str)).first)
        self.page.keyboard.press("Enter")

    def type_into(self, label: str | re.Pattern[str], text: str) -> None:
        """Replace what is in the field."""
        self.reach(self.page.get_by_label(label, exact=isinstance(label, str)).first)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, name: str | re.Pattern[str]) -> None:
        """Choose one of a group of radio buttons: Tab leads to the chosen one, the arrows to the others."""
        wanted = self.page.get_by_role("radio", name=name, exact=isinstance(name, str))
        group = self.page.locator("input[type=radio]")
        for _ in range(_MAX_STOPS):
            if any(radio.evaluate(_IS_FOCUSED) for radio in group.all()):
                break
            self.page.keyboard.press("Tab")
        for _ in range(group.count()):
            if wanted.evaluate(_IS_FOCUSED):
                if not wanted.is_checked():
                    self.page.keyboard.press("Space")
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{self.page.url}: the arrows never reach {wanted}")
