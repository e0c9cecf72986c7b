"""The account files: what is read from them, what is written, and what is left alone."""

from __future__ import annotations

import configparser
import os
import stat
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from qiskit_oqtopus import OqtopusWarning
from qiskit_oqtopus.cloud import account_file
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
    assert sorted(os.listdir(path.parent)) == [".config.ini.lock", "config.ini"]
    assert path.read_text() == section("old")


def test_threads_that_save_at_once_keep_all_profiles(home):
    with ThreadPoolExecutor(10) as pool:
        for _ in pool.map(lambda i: save(home, profile=f"p{i}"), range(20)):
            pass
    assert [find(home, profile=f"p{i}").url for i in range(20)] == [URL] * 20


def test_processes_that_save_at_once_keep_all_profiles(home):
    script = (
        "import sys; from qiskit_oqtopus.cloud.credentials import save_account\n"
        "for i in range(5):\n"
        "    save_account(sys.argv[2], 'a.b', profile=f'{sys.argv[3]}-{i}', environ={},"
        " home=sys.argv[1])"
    )
    command = [sys.executable, "-c", script, str(home), URL]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    for number in range(4):
        for i in range(5):
            assert find(home, profile=f"{number}-{i}").url == URL


def test_a_lock_is_waited_for_and_not_for_ever(home, monkeypatch):
    monkeypatch.setattr(account_file, "LOCK_SECONDS", 0.3)
    path = save(home)
    with account_file.lock(path), pytest.raises(OqtopusCredentialsError, match=r"held .* 0\.3 s"):
        save(home, profile="other")
    save(home, profile="other")
    assert find(home, profile="other").url == URL


@pytest.mark.skipif(os.name == "nt", reason="kills a process the POSIX way")
def test_the_lock_of_a_killed_process_is_none(home):
    path = save(home)
    script = (
        "import sys, time, pathlib; from qiskit_oqtopus.cloud.account_file import lock\n"
        "with lock(pathlib.Path(sys.argv[1])):\n"
        "    print('locked', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        process.kill()
    save(home, profile="other")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", None)])
@pytest.mark.parametrize("name", ["config.ini", ".config.ini.lock"])
def test_what_is_no_file_is_an_error(home, make, name):
    path = client_file(home, section("default"))
    (path.parent / name).unlink(missing_ok=True)
    make(path.parent / name)
    if name == "config.ini":
        with pytest.raises(OqtopusCredentialsError, match="cannot be read"):
            find(home)
    elif make is os.mkfifo:
        save(home, profile="other")  # a pipe can be locked like a file
        return
    with pytest.raises(OqtopusCredentialsError, match=r"config\.ini"):
        save(home, profile="other")
    assert not (path.parent / name).is_file()
