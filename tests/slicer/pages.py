"""Checks of pages of the documentation."""

import re


def check_pictures(page, name, count):
    """Checks that a page shows the pictures NAME-1 to NAME-COUNT in order, all of them PNG."""
    found = re.findall(rf"\(images/{name}-(\d)\.png\)", page.read_text())
    assert found == [str(number) for number in range(1, count + 1)]
    for number in found:
        picture = page.parent / "images" / f"{name}-{number}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")
