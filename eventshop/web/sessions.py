"""Sessions: those of signed-in users are rows, those of all others are signed cookies.

So a visitor who is nobody yet, or a program that claims to be many, writes nothing into the database. A session that is
too long for a cookie, such as a basket with a hundred products, is a row, too.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core import signing

#: Begins the key of a session that is its own content; keys of rows are letters and digits.
_PREFIX: Final = "."
_SALT: Final = "eventshop.session"
#: Browsers keep cookies of up to 4096 bytes, with name and attributes.
MAX_COOKIE: Final = 3_800


class SessionStore(DatabaseStore):
    """A row for whoever is signed in; a signed cookie otherwise. A sign-in makes a new key, as with rows alone."""

    def load(self) -> dict[str, Any]:
        key = self.session_key
        if key is None or not key.startswith(_PREFIX):
            loaded: dict[str, Any] = super().load()
            return loaded
        try:
            content: dict[str, Any] = signing.loads(
                key.removeprefix(_PREFIX), salt=_SALT, max_age=self.get_session_cookie_age()
            )
        except signing.BadSignature:
            self._session_key = None
            return {}
        # Whoever was signed in has a row: a copy of an earlier cookie signs nobody in.
        content.pop(SESSION_KEY, None)
        return content

    def save(self, must_create: bool = False) -> None:
        content = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # not in the stubs
        if SESSION_KEY not in content:
            key = _PREFIX + signing.dumps(content, salt=_SALT, compress=True)
            if len(key) <= MAX_COOKIE:
                self._session_key = key
                return
        if self.session_key is None or self.session_key.startswith(_PREFIX):
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
            must_create = True
        super().save(must_create=must_create)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key and not key.startswith(_PREFIX):
            super().delete(key)
