"""URLs: where a token may be sent, and where not."""

from __future__ import annotations

import pytest

from qiskit_oqtopus.client import (
    Client,
    ConfigurationError,
)

from .conftest import TOKEN


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.0.0.1", "http://127.9.9.9:80/x", "http://[::1]:1"]
)
def test_http_on_this_machine(url):
    Client(url, TOKEN).close()


@pytest.mark.parametrize(
    "url",
    [
        "http://cloud.example",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
    ],
)
def test_http_elsewhere(url):
    with pytest.raises(ConfigurationError, match="unencrypted"):
        Client(url, TOKEN)
    Client(url, TOKEN, insecure=True).close()


def test_http_to_this_machine_by_way_of_another():
    with pytest.raises(ConfigurationError, match="unencrypted"):
        Client("http://127.0.0.1", TOKEN, proxy="http://proxy.example:8080")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cloud.example",
        "ftp://cloud.example",
        "file:///x",
        "https://",
        "https://me:hunter2@cloud.example",
        "https://cloud.example/?key=hunter2",
        "https://cloud.example/#hunter2",
        "http://127.0.0.1\\@evil.example",
        "https://[broken",
    ],
)
def test_what_is_no_url_of_an_api(url):
    with pytest.raises(ConfigurationError) as info:
        Client(url, TOKEN, insecure=True)
    assert isinstance(info.value, ValueError)
    assert "hunter2" not in str(info.value)
