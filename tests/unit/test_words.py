"""Words from outside, as a person may see them."""

import time

import pytest

from qiskit_oqtopus.words import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 日本語 and é", "plain words, 日本語 and é"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("a\x00b\x07c\x7fd\x85e", "abcd / e"),
        ("one\r\n  two\n\n\tthree\u2028four", "one / two / three / four"),
        ("a\tb", "a b"),
        ("abc\u202edef\u2066\u200b\ufeff\u00ad", "abcdef"),
        ("\ud800x", "x"),
        (" kept ", " kept "),
        ("is it? yes", "is it? yes"),
        ("Signature does not match", "Signature does not match"),
    ],
)
def test_characters(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://s3.example/r.zip?X-Amz-Algorithm=A&X-Amz-Signature=SIGNED&b=SIGNED",
        "<Url>https://s3.example/r.zip?a=1&amp;X-Amz-Signature=SIGNED</Url>",
        "https%3A%2F%2Fs3.example%2Fr.zip%3FX-Amz-Signature%3DSIGNED%26b%3DSIGNED",
        "https%253A%252F%252Fs3.example%252Fr.zip%253FX-Amz-Signature%253DSIGNED",
        '"https:\\/\\/s3.example\\/r.zip\\u003fSignature\\u003dSIGNED"',
        "HTTP://127.0.0.1:9000/b/r.zip?SIGNED",
        "bucket/r.zip?AWSAccessKeyId=SIGNED&Signature=SIGNED%2B&Expires=1",
        "X-Amz-Security-Token=SIGNED",
        "{'policy': 'SIGNED', \"signature\": \"SIGNED\"}",
        "http://me:SIGNED@proxy.example:8080",
        "https://s3.example/r.zip?a=1\n&Signature=SIGNED",
        "https://s3.example/r.zip?a=\u200bSIGNED",
    ],
)
def test_signatures(text):
    assert "SIGNED" not in clean(text)
    assert "***" in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "id.s3cr3t/+&x",
        "id.s3cr3t%2F%2B%26x",
        "id.s3cr3t/+&amp;x",
        "id.s3c\u200br3t/+&x",
        "x" * 31990 + "id.s3cr3t/+&x",
    ],
)
def test_secrets(text):
    assert "s3c" not in clean(text, ("id.s3cr3t/+&x",), 100_000)


def test_the_beginning_of_a_long_text():
    assert clean("x" * 10_000_000, limit=20) == "x" * 19 + "…"


@pytest.mark.parametrize(
    "text", ["https://", "%25", "\t", " \n", "http", '"signature" ', "\x1b[", "x@//", "\u200b"]
)
def test_no_text_takes_long(text):
    started = time.process_time()
    clean(text * 1_000_000)
    # Takes milliseconds; a pattern that looks back would take minutes.
    assert time.process_time() - started < 2
