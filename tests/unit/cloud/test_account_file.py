"""The account files: what is read from them, what is written, and what is left alone."""

from __future__ import annotations

import configparser
import os
import stat
import traceback

import pytest

from qiskit_oqtopus import OqtopusWarning
from qiskit_oqtopus.cloud.credentials import find_account
from qiskit_oqtopus.exceptions import OqtopusCredentialsError

from .accounts import (
    TOKEN,
    URL,
    client_file,
    find,
    holds_token,
    save,
    section,
    write,
)


def test_defaults_of_configparser_count(home):
    client_file(home, f"[DEFAULT]\nurl = {URL}\n[lab]\napi_token = {TOKEN}\n")
    assert find(home, profile="lab").url == URL
    assert find(home) is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_read(home, mode):
    path = client_file(home, section("default"), mode)
    with pytest.warns(OqtopusWarning, match=f"chmod 600 {path}"):
        assert find_account(environ={}, home=home).url == URL


def test_a_file_without_a_token_may_be_open(home):
    client_file(home, f"[default]\nurl = {URL}\n", 0o644)
    with pytest.raises(OqtopusCredentialsError, match="no token"):
        find(home)


@pytest.mark.parametrize(
    "text",
    [
        f"api_token = {TOKEN}\n",
        f"[default]\n{TOKEN}\n",
        f"[default]\nurl = {URL}\napi_token = {TOKEN}%\n",
        f"[default]\nurl = {URL}\napi_token = %({TOKEN})s\n",
        section("default") + section("default"),
        f"[default]\napi_token = {TOKEN}\napi_token = {TOKEN}\n",
        f"[default]\nurl = https://me:s3cr3t@cloud.example\napi_token = {TOKEN}\n",
        f"[default]\nurl = cloud.example\napi_token = {TOKEN}\n",
        f"[default]\nurl = {URL}\napi_token = s3cr3t s3cr3t\n",
        f"[default]\nurl = {URL}\napi_token = s3cr3t\n  s3cr3t\n",
        f"[default]\nurl = {URL}\napi_token = s3cr3té\n",
    ],
)
def test_broken_files_name_themselves_and_no_secret(home, text):
    path = client_file(home, text)
    with pytest.raises(OqtopusCredentialsError) as info:
        find(home)
    assert str(path) in str(info.value)
    assert not holds_token(info.value)
    assert "s3cr3t" not in "".join(traceback.format_exception(info.value))


def test_files_that_are_not_text(home):
    path = client_file(home, "")
    path.write_bytes(b"[default]\napi_token = s3cr3t\xff\n")
    with pytest.raises(OqtopusCredentialsError, match="not UTF-8") as info:
        find(home)
    assert not holds_token(info.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(OqtopusCredentialsError, match="cannot be read"):
        find(home)


def test_percent_and_byte_order_mark(home):
    client_file(home, "\ufeff" + section("default", URL, "a%%b"))
    assert find(home).token == "a%b"  # noqa: S105


def test_save_is_read_by_the_official_client(home):
    # oqtopus-client reads with the ConfigParser of Python, interpolation included.
    path = save(home, token="a%b.100%", proxy="http://p%40x:1@proxy.example:8080")
    parser = configparser.ConfigParser()
    parser.read(path, encoding="utf-8")
    assert dict(parser["default"]) == {
        "url": URL,
        "api_token": "a%b.100%",
        "proxy": "http://p%40x:1@proxy.example:8080",
    }


def test_save_asks_before_it_overwrites(home):
    path = save(home)
    before = path.read_text()
    with pytest.raises(OqtopusCredentialsError, match="overwrite=True"):
        save(home, token="new.token")
    assert path.read_text() == before
    save(home, token="new.token", overwrite=True)
    assert find(home).token == "new.token"  # noqa: S105


def test_save_leaves_the_rest_of_the_file_alone(home):
    text = (
        "# of mine\n[DEFAULT]\ntimeout = 9\n\n[lab]\n; the old one\nbase_url: https://old.example\n"
        "API_TOKEN = old\n  token\nproxy = http://old\ntimeout = 5\n# end of lab\n\n"
        "[other]\nurl = https://other.example\napi_token = o.t%%\n"
    )
    path = client_file(home, text, 0o644)
    save(home, profile="lab", overwrite=True)
    assert path.read_text() == (
        f"# of mine\n[DEFAULT]\ntimeout = 9\n\n[lab]\nurl = {URL}\napi_token = {TOKEN}\n"
        "; the old one\ntimeout = 5\n# end of lab\n\n"
        "[other]\nurl = https://other.example\napi_token = o.t%%\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    save(home, "https://third.example", profile="third")
    assert path.read_text().endswith(
        f"o.t%%\n\n[third]\nurl = https://third.example\napi_token = {TOKEN}\n"
    )
    assert find(home, profile="other").token == "o.t%"  # noqa: S105


def test_save_into_a_section_without_an_account(home):
    path = client_file(home, "[default]\ntimeout = 5\n")
    save(home)
    assert path.read_text() == f"[default]\nurl = {URL}\napi_token = {TOKEN}\ntimeout = 5\n"


def test_save_follows_a_link(home):
    real = write(home / "dotfiles" / "oqtopus.ini", "")
    link = home / ".config" / "oqtopus" / "config.ini"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    save(home)
    assert link.is_symlink()
    assert TOKEN in real.read_text()


def test_save_does_not_touch_a_broken_file(home):
    path = client_file(home, "what is this\n")
    with pytest.raises(OqtopusCredentialsError, match=str(path)):
        save(home)
    assert path.read_text() == "what is this\n"


def test_save_where_nothing_can_be_written(home):
    (home / ".config").write_text("a file")
    with pytest.raises(OqtopusCredentialsError, match="cannot be written"):
        save(home)


def test_save_leaves_nothing_behind_when_it_fails(home, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    path = client_file(home, section("old"))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OqtopusCredentialsError, match="No space left"):
        save(home)
    assert os.listdir(path.parent) == ["config.ini"]
    assert path.read_text() == section("old")
