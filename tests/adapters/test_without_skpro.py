"""Adapters ask for the package that they are for where it is not installed."""

import sys

import pytest

import skflow.adapters


@pytest.mark.parametrize("name", skflow.adapters.__all__)
def test_what_to_install_is_said(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "skpro", None)
    with pytest.raises(ImportError, match=rf'{name}.*pip install "skflow\[skpro\]"'):
        getattr(skflow.adapters, name)


def test_names_are_listed_without_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skpro", None)
    assert set(skflow.adapters.__all__) <= set(dir(skflow.adapters))
    assert not hasattr(skflow.adapters, "NGBoost")
