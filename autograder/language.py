"""The language of everything that a student reads: gettext, with English as its source.

The messages are in `locale/<language>/LC_MESSAGES/autograder.po`.
"""

import gettext
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "ko")
_current = "en"
_asked = False


def use(language: str | None) -> None:
    """Show everything from now on in this language; without one, in the locale's or the course's."""
    global _current, _asked
    _current, _asked = language or of_the_locale(), language is not None
    _translations(_current)  # read now: once, before any fork


def of_the_course(language: str | None) -> None:
    """Show everything from now on in the course's language, if the user has asked for no other."""
    if language and not _asked:
        use(language)


def current() -> str:
    return _current


def of_the_locale() -> str:
    """The user's language, as the environment says, if it is one of ours; else English."""
    wanted = next((v for k in ("LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(k))), "")
    language = re.split(r"[_.@]", wanted)[0]
    return language if language in LANGUAGES else LANGUAGES[0]


class Text(str):
    """A text in the current language. `english` is what a diagnosis compares, in any language."""

    english: str

    def __new__(cls, text: str, english: str) -> "Text":
        new = super().__new__(cls, text)
        new.english = english
        return new

    def format(self, *values: object, **named: object) -> "Text":
        """Both with the values put in."""
        in_english = {name: english(value) for name, value in named.items()}
        return Text(super().format(*values, **named), self.english.format(*values, **in_english))


def english(value: Any) -> Any:
    """What a text of ours is in English; anything else as it is."""
    return value.english if isinstance(value, Text) else value


def _(message: str) -> str:
    """A message in the current language, as a Text. Sentences with values are formatted after this."""
    return Text(_translations(_current).gettext(message), message)


@cache
def _translations(language: str) -> gettext.NullTranslations:
    folder = Path(__file__).with_name("locale")
    return gettext.translation("autograder", folder, [language], fallback=True)
