"""Where the account comes from, and that it stays secret."""

from __future__ import annotations

import copy
import os
import pickle
import stat

import pytest

from qiskit_oqtopus.cloud.credentials import Account, find_account, places
from qiskit_oqtopus.exceptions import OqtopusCredentialsError

from .accounts import (
    TOKEN,
    URL,
    client_file,
    env,
    find,
    holds_token,
    parts_file,
    save,
    section,
    write,
)


def test_no_account_anywhere(home):
    assert find(home) is None


def test_precedence(home):
    parts_file(home, section("default", "https://parts.example", "parts.token"))
    account = find(home)
    assert (account.url, account.token) == ("https://parts.example", "parts.token")
    assert account.source == f"{home}/.oqtopus [default]"

    path = client_file(home, section("default", "https://client.example", "client.token"))
    account = find(home)
    assert (account.url, account.token) == ("https://client.example", "client.token")
    assert account.source == f"{path} [default]"

    account = find(home, env())
    assert (account.url, account.token) == ("https://env.example", "env.token")
    assert account.source == "the environment (OQTOPUS_URL, OQTOPUS_API_TOKEN)"

    account = find(home, env(), url="https://arg.example/", token=" arg.token ")
    assert (account.url, account.token) == ("https://arg.example", "arg.token")
    assert account.source == "the arguments"


def test_files_are_not_read_when_they_are_not_needed(home):
    client_file(home, "this is no INI file")
    assert find(home, env()).url == "https://env.example"


def test_old_names(home):
    environ = {"OQTOPUS_BASE_URL": URL, "OQTOPUS_API_TOKEN": TOKEN}
    account = find(home, environ)
    assert account.url == URL
    assert "OQTOPUS_BASE_URL" in account.source
    both = find(home, {**environ, "OQTOPUS_URL": "https://new.example"})
    assert both.url == "https://new.example"
    client_file(home, f"[default]\nbase_url = {URL}\napi_token = {TOKEN}\ntimeout = 3\n")
    assert find(home).url == URL


def test_xdg_config_home(home):
    write(home / "xdg" / "oqtopus" / "config.ini", section("default"))
    client_file(home, section("default", "https://other.example"))
    assert find(home, {"XDG_CONFIG_HOME": str(home / "xdg")}).url == URL
    assert find(home, {"XDG_CONFIG_HOME": ""}).url == "https://other.example"


def test_home_of_the_user(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    client_file(home, section("default"))
    assert find_account(environ={}).url == URL


def test_profiles(home):
    client_file(home, section("default", "https://one.example") + section("lab"))
    parts_file(home, section("old", "https://old.example"))
    account = find(home, profile="lab")
    assert account.url == URL
    assert find(home, profile="old").url == "https://old.example"
    # A profile that is named is an argument: the environment does not replace it.
    assert find(home, env(), profile="lab").url == URL
    with pytest.raises(OqtopusCredentialsError) as info:
        find(home, profile="nope")
    words = str(info.value)
    assert "'nope'" in words
    for name in ("default", "lab", "old"):
        assert f"[{name}]" in words
    assert TOKEN not in words


@pytest.mark.parametrize(
    ("environ", "arguments", "first", "second"),
    [
        ({"OQTOPUS_API_TOKEN": TOKEN}, {"url": URL}, "the arguments", "the environment"),
        ({"OQTOPUS_URL": URL}, {"token": TOKEN}, "the environment", "the arguments"),
        ({"OQTOPUS_URL": URL}, {}, "the environment", "config.ini [default]"),
        ({"OQTOPUS_API_TOKEN": TOKEN}, {}, "config.ini [default]", "the environment"),
        (env(), {"token": TOKEN}, "the environment", "the arguments"),
    ],
)
def test_url_and_token_of_different_places(home, environ, arguments, first, second):
    client_file(home, section("default"))
    with pytest.raises(OqtopusCredentialsError) as info:
        find(home, environ, **arguments)
    url, token = str(info.value).split(" and the token from ")
    assert first in url
    assert second in token
    assert TOKEN not in str(info.value)


def test_two_halves_in_two_files(home):
    client_file(home, f"[default]\nurl = {URL}\n")
    parts_file(home, f"[default]\napi_token = {TOKEN}\n")
    with pytest.raises(OqtopusCredentialsError, match=r"config.ini \[default\].*\.oqtopus"):
        find(home)


@pytest.mark.parametrize(
    ("environ", "arguments", "missing"),
    [
        ({"OQTOPUS_URL": URL}, {}, "no token"),
        ({"OQTOPUS_API_TOKEN": TOKEN}, {}, "no URL"),
        ({"OQTOPUS_API_TOKEN": TOKEN, "OQTOPUS_URL": " "}, {}, "no URL"),
        ({}, {"url": URL}, "no token"),
        ({}, {"token": TOKEN, "url": ""}, "no URL"),
    ],
)
def test_half_an_account_is_refused(home, environ, arguments, missing):
    with pytest.raises(OqtopusCredentialsError, match=missing) as info:
        find(home, environ, **arguments)
    for place in places(environ=environ, home=home):
        assert place in str(info.value)
    assert TOKEN not in str(info.value)


def test_places(home):
    assert places(environ={}, home=home) == [
        "the arguments",
        "the environment (OQTOPUS_URL, OQTOPUS_API_TOKEN)",
        f"{home}/.config/oqtopus/config.ini [default]",
        f"{home}/.oqtopus [default]",
    ]


def test_server_side_execution_reads_no_files(home):
    client_file(home, section("default"))
    environ = {"OQTOPUS_ENV": "sse_container"}
    assert find(home, environ) is None
    assert find(home, {**environ, **env()}).url == "https://env.example"


def test_proxy(home):
    client_file(home, section("default", URL, TOKEN, "proxy = http://file.example:1"))
    variable = {"OQTOPUS_PROXY": "http://env.example:2"}
    assert find(home).proxy == "http://file.example:1"
    assert find(home, variable).proxy == "http://file.example:1"
    assert find(home, env()).proxy is None
    assert find(home, {**env(), **variable}).proxy == "http://env.example:2"
    assert find(home, variable, url=URL, token=TOKEN).proxy == "http://env.example:2"
    assert find(home, variable, proxy="http://arg.example:3").proxy == "http://arg.example:3"


def test_an_account_shows_no_token():
    account = Account(URL, TOKEN, "http://me:hunter2@proxy", "the arguments")
    assert TOKEN not in f"{account!r} {account}"
    assert "hunter2" not in repr(account)
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a token"):
            copied(account)


def test_save_and_find(home):
    path = save(home)
    assert path == home / ".config" / "oqtopus" / "config.ini"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(path.parent)) == [".config.ini.lock", "config.ini"]
    account = find(home)
    assert (account.url, account.token, account.proxy) == (URL, TOKEN, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "http://cloud.example"}, "unencrypted"),
        ({"url": "cloud.example"}, "https://"),
        ({"url": "https://me:s3cr3t@cloud.example"}, "no user"),
        ({"token": ""}, "token"),
        ({"token": "s3cr3t s3cr3t"}, "token"),
        ({"token": "a\nproxy = http://evil"}, "token"),
        ({"proxy": "gopher://x"}, "proxy"),
        ({"proxy": "http://x\nurl = y"}, "proxy"),
        ({"url": "https://x.example\nproxy = y"}, "https://"),
        ({"profile": ""}, "profile"),
        ({"profile": "DEFAULT"}, "profile"),
        ({"profile": "a]b"}, "profile"),
        ({"profile": "a\nb"}, "profile"),
        ({"profile": " a"}, "profile"),
    ],
)
def test_save_refuses_what_cannot_be_used(home, wrong, words):
    with pytest.raises(OqtopusCredentialsError, match=words) as info:
        save(home, **wrong)
    assert "s3cr3t" not in str(info.value)
    assert not holds_token(info.value)
    assert os.listdir(home) == []


def test_save_with_http_only_for_this_machine_or_on_request(home):
    save(home, "http://127.0.0.1:8000")
    save(home, "http://cloud.example", profile="lab", insecure=True)
    assert find(home, profile="lab").url == "http://cloud.example"
