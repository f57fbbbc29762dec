"""Passwords: what is accepted (DOMAIN: 12 mixed characters, or 14 of any kind), and how they are kept (Argon2)."""

import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

SHORT, LONG, LONGEST = 12, 14, 200
# Without look-alikes: a password read aloud or copied from a screen.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    return _hasher().hash(password)


def is_password(password: str, hashed: str) -> bool:
    """Takes as long when there is no hash: an unknown login can't be told from a wrong password by the clock."""
    matches = _hasher().verify(password[:LONGEST], hashed or _nobody())
    return matches and bool(hashed)


def random_password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def weakness(password: str, login: str = "", name: str = "") -> str | None:
    """A sentence saying what is missing, or None."""
    if len(password) > LONGEST:
        return f"{len(password)} caractères, c’est trop : {LONGEST} au plus."
    kinds = sum(
        any(test(character) for character in password)
        for test in (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    )
    if len(password) < SHORT or (len(password) < LONG and kinds < 3):
        return (
            f"{len(password)} caractères, c’est trop court : {LONG} au moins, "
            f"ou {SHORT} en mêlant minuscules, majuscules, chiffres et signes."
        )
    if len(set(password)) < 6:
        return "Trop de caractères répétés : au moins 6 différents."
    words = [word for word in (login, *login.replace("-", ".").split("."), *name.split()) if len(word) >= 4]
    if any(word.lower() in password.lower() and len(word) > len(password) / 2 for word in words):
        return "Votre nom en fait plus de la moitié : il se devine trop vite."
    return None
