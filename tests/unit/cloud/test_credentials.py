"""Where the account comes from, and that it stays secret."""

from __future__ import annotations

import configparser
import copy
import os
import pickle
import stat
import traceback
import warnings

import pytest

from qiskit_oqtopus import OqtopusWarning
from qiskit_oqtopus.cloud.credentials import Account, find_account, places, save_account
from qiskit_oqtopus.exceptions import OqtopusCredentialsError

URL = "https://cloud.example"
TOKEN = "4f1c9b.s3cr3t"  # noqa: S105


@pytest.fixture
def home(tmp_path):
    return tmp_path


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def client_file(home, text, mode=0o600):
    """The file of oqtopus-client."""
    return write(home / ".config" / "oqtopus" / "config.ini", text, mode)


def parts_file(home, text, mode=0o600):
    """The file of quri-parts-oqtopus."""
    return write(home / ".oqtopus", text, mode)


def section(name, url=URL, token=TOKEN, *more):
    return "\n".join([f"[{name}]", f"url = {url}", f"api_token = {token}", *more, ""])


def env(name="env"):
    return {"OQTOPUS_URL": f"https://{name}.example", "OQTOPUS_API_TOKEN": f"{name}.token"}


def find(home, environ=None, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return find_account(environ=environ or {}, home=home, **arguments)


def test_nothing_anywhere(home):
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


def test_defaults_of_configparser_count(home):
    client_file(home, f"[DEFAULT]\nurl = {URL}\n[lab]\napi_token = {TOKEN}\n")
    assert find(home, profile="lab").url == URL
    assert find(home) is None


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
def test_half_an_account(home, environ, arguments, missing):
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


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_read(home, mode):
    path = client_file(home, section("default"), mode)
    with pytest.warns(OqtopusWarning, match=f"chmod 600 {path}"):
        assert find_account(environ={}, home=home).url == URL


def test_a_file_without_a_token_may_be_open(home):
    client_file(home, f"[default]\nurl = {URL}\n", 0o644)
    with pytest.raises(OqtopusCredentialsError, match="no token"):
        find(home)


def holds_token(error):
    waiting, seen = [error], []
    while waiting:
        item = waiting.pop()
        if item is None or item in seen:
            continue
        seen.append(item)
        waiting += [item.__cause__, item.__context__]
    return any("s3cr3t" in f"{item!r} {item} {vars(item)}" for item in seen)


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


def test_an_account_shows_no_token():
    account = Account(URL, TOKEN, "http://me:hunter2@proxy", "the arguments")
    assert TOKEN not in f"{account!r} {account}"
    assert "hunter2" not in repr(account)
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a token"):
            copied(account)


def save(home, url=URL, token=TOKEN, **options):
    return save_account(url, token, environ={}, home=home, **options)


def test_save_and_find(home):
    path = save(home)
    assert path == home / ".config" / "oqtopus" / "config.ini"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["config.ini"]
    account = find(home)
    assert (account.url, account.token, account.proxy) == (URL, TOKEN, None)


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


def test_save_for_this_machine_and_for_those_who_insist(home):
    save(home, "http://127.0.0.1:8000")
    save(home, "http://cloud.example", profile="lab", insecure=True)
    assert find(home, profile="lab").url == "http://cloud.example"
