"""What a terminal would obey is spelled out, and nothing else is changed."""

from hypothesis import given
from hypothesis import strategies as st

from skflow._escapes import escaped


def test_examples():
    assert escaped("plain, é, 東, 'quotes'\nand lines") == "plain, é, 東, 'quotes'\nand lines"
    assert escaped("\x1b[31m\r\x07\t") == "\\x1b[31m\\r\\x07\\t"
    assert escaped("\u202e\u200b\U000e0001\ud800") == "\\u202e\\u200b\\U000e0001\\ud800"
    assert escaped(ValueError("a\x00")) == "a\\x00"
    assert escaped("x" * 30, 20) == "x" * 20 + "... (10 more characters)"


@given(st.text())
def test_all_can_be_printed(text):
    shown = escaped(text)
    assert all(c.isprintable() or c == "\n" for c in shown)
    shown.encode()
