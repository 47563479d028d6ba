"""Text from a student's process, made harmless for each place where it is shown."""

import re
import unicodedata


def plain(text: str) -> str:
    """Without control and formatting characters: no escape sequence reaches a terminal or a log."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "�" for c in text
    )


def one_line(text: str) -> str:
    return " ".join(plain(text).split())


def fenced(text: str) -> str:
    """A Markdown code block that its content cannot end."""
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * max(3, *(n + 1 for n in runs)) if runs else "```"
    return f"{fence}text\n{plain(text).rstrip()}\n{fence}"


def markdown(text: str) -> str:
    """One line with Markdown's and HTML's own characters escaped."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~!&$])", r"\\\1", one_line(text))


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = one_line(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
