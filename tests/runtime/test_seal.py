"""A seal opens only in its own place, and keys can be replaced."""

import pytest

from runtime.seal import Key, KeyRing, SealError, new_key

OLD, NEW = new_key("2026-01"), new_key("2026-11")


def test_a_seal_opens_with_its_identity() -> None:
    ring = KeyRing.parse([NEW])
    assert ring.unseal(ring.seal(b"refresh token", "grant/1"), "grant/1") == b"refresh token"


def test_a_seal_does_not_open_in_another_row() -> None:
    ring = KeyRing.parse([NEW])
    with pytest.raises(SealError, match="another row"):
        ring.unseal(ring.seal(b"refresh token", "grant/1"), "grant/2")


def test_a_seal_shows_nothing_and_no_two_seals_are_equal() -> None:
    ring = KeyRing.parse([NEW])
    sealed = {ring.seal(b"refresh token", "grant/1") for _ in range(20)}
    assert len(sealed) == 20
    assert not any(b"refresh" in one for one in sealed)


def test_a_seal_of_an_older_key_opens_and_is_not_current() -> None:
    sealed = KeyRing.parse([OLD]).seal(b"x", "grant/1")
    ring = KeyRing.parse([NEW, OLD])
    assert ring.unseal(sealed, "grant/1") == b"x"
    assert not ring.is_current(sealed)
    assert ring.is_current(ring.seal(b"x", "grant/1"))


def test_the_error_names_a_missing_key() -> None:
    sealed = KeyRing.parse([OLD]).seal(b"x", "grant/1")
    with pytest.raises(SealError, match="2026-01"):
        KeyRing.parse([NEW]).unseal(sealed, "grant/1")


@pytest.mark.parametrize("at", range(0, 45, 4))
def test_any_damage_of_a_seal_is_detected(at: int) -> None:
    ring = KeyRing.parse([NEW])
    sealed = bytearray(ring.seal(b"refresh token", "grant/1"))
    sealed[at] ^= 1
    with pytest.raises(SealError):
        ring.unseal(bytes(sealed), "grant/1")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01\x09abc", b"\x01\x01\xff", b"\x01\x072026-11"])
def test_a_text_that_is_no_seal_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        KeyRing.parse([NEW]).unseal(sealed, "grant/1")


@pytest.mark.parametrize("text", ["", "abc", ":abc", "k:abc!", "k:YWJj", "k:ÄYWJj"])
def test_a_bad_key_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        Key.parse(text)
    assert "YWJj" not in str(caught.value)


def test_blanks_around_a_key_belong_to_no_key() -> None:
    assert Key.parse(f" {NEW}\n").id == Key.parse(NEW).id


@pytest.mark.parametrize("keys", [[], [NEW, NEW]])
def test_a_key_ring_needs_keys_with_different_ids(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key ring"):
        KeyRing.parse(keys)


def test_a_key_does_not_show_its_secret() -> None:
    assert "secret" not in repr(Key.parse(NEW))
