"""Forms answer only to the page that showed them.

Signed in: a token derived from the session's secret, different on each page (so that compression reveals nothing).
Not signed in (sign-in, invitation): the form repeats a cookie that another site can neither read nor set.
"""

import hashlib
import hmac
import secrets

from fastapi import Request, Response

ANONYMOUS = "balise_formulaire"


def csrf_token(secret: str) -> str:
    nonce = secrets.token_urlsafe(9)
    return f"{nonce}.{_seal(secret, nonce)}"


def is_csrf_token(secret: str, token: str) -> bool:
    nonce, _, seal = token.partition(".")
    return hmac.compare_digest(seal.encode(), _seal(secret, nonce).encode())


def _seal(secret: str, nonce: str) -> str:
    return hmac.new(secret.encode(), nonce.encode(), hashlib.sha256).hexdigest()


class AnonymousToken:
    """`secret` is kept in the cookie, `value` goes into the form."""

    def __init__(self, secret: str, fresh: bool) -> None:
        self.secret, self.fresh = secret, fresh
        self.value = csrf_token(secret)

    def keep(self, answer: Response, secure: bool) -> None:
        if self.fresh:
            answer.set_cookie(ANONYMOUS, self.secret, httponly=True, samesite="strict", secure=secure, path="/")


def anonymous_token(request: Request) -> AnonymousToken:
    known = request.cookies.get(ANONYMOUS, "")
    return AnonymousToken(known, fresh=False) if len(known) >= 32 else AnonymousToken(secrets.token_urlsafe(32), True)


def is_anonymous_token(request: Request, token: str) -> bool:
    secret = request.cookies.get(ANONYMOUS, "")
    return len(secret) >= 32 and is_csrf_token(secret, token)


def is_foreign(request: Request) -> bool:
    """The browser says that another site sent this."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] != request.headers.get("host")


def is_encrypted(request: Request) -> bool:
    """Between the browser and us, as far as we know: a proxy may take the encryption off before it gets here."""
    public: str = request.app.state.context.settings.url
    return request.url.scheme == "https" or public.startswith("https://")
