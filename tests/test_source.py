"""Students' files become code: every encoding, and of a notebook what can be graded."""

import codecs
import json
import unicodedata
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.notes import sentences
from autograder.source import (
    Source,
    UnreadableSource,
    decode,
    placeholders,
    read_notebook,
    read_python,
)

KOREAN = 'name = "박지훈"  # 과제\n'


def notebook(*cells: Any, **top: Any) -> bytes:
    """A notebook as Jupyter writes it: a cell is code, or (kind, source)."""
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "id": f"cell-{number}",
                    "cell_type": kind,
                    "metadata": {},
                    "source": source,
                    **({"outputs": [], "execution_count": None} if kind == "code" else {}),
                }
                for number, (kind, source) in enumerate(
                    cell if isinstance(cell, tuple) else ("code", cell) for cell in cells
                )
            ],
            **top,
        }
    ).encode()


def names(source: Source) -> dict[str, Any]:
    """Run what was read, as a worker does: the names that it defines."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for part in source.parts:
        try:
            exec(part.code, namespace)
        except Exception:
            if not part.optional:
                raise
    return {name: value for name, value in namespace.items() if not name.startswith("__")}


def read(*cells: Any, **top: Any) -> dict[str, Any]:
    return names(read_notebook(notebook(*cells, **top), "hw.ipynb"))


# Text files


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(KOREAN.encode(), id="UTF-8"),
        pytest.param(codecs.BOM_UTF8 + KOREAN.encode(), id="UTF-8 with BOM"),
        pytest.param(KOREAN.encode("utf-16"), id="UTF-16 LE"),
        pytest.param(codecs.BOM_UTF16_BE + KOREAN.encode("utf-16-be"), id="UTF-16 BE"),
        pytest.param(b"# -*- coding: euc-kr -*-\n" + KOREAN.encode("euc-kr"), id="cookie EUC-KR"),
        pytest.param(b"# coding: cp949\n" + KOREAN.encode("cp949"), id="cookie CP949"),
        pytest.param(KOREAN.encode("cp949"), id="CP949"),
        pytest.param(b"# coding: utf-8\n" + KOREAN.encode("cp949"), id="a cookie that lies"),
        pytest.param(b"# coding: no-such-codec\n" + KOREAN.encode("cp949"), id="an unknown cookie"),
        pytest.param(b"# coding: rot13\n" + KOREAN.encode("cp949"), id="a cookie that is no text"),
        pytest.param(KOREAN.replace("\n", "\r\n").encode(), id="Windows lines"),
        pytest.param(b"x = 1\r" + KOREAN.encode(), id="old Mac lines"),
    ],
)
def test_korean_text_is_read_in_every_encoding_that_editors_write(data: bytes) -> None:
    assert names(read_python(data, "hw.py"))["name"] == "박지훈"


def test_lines_end_alike_whatever_wrote_them() -> None:
    assert decode(b"a\r\nb\rc\n", "hw.py") == "a\nb\nc\n"
    assert read_python(b"a = 1\r\n", "hw.py").texts == {"hw.py": "a = 1\n"}


def test_latin_text_is_read_by_its_cookie() -> None:
    source = read_python('# coding: latin-1\nname = "é"'.encode("latin-1"), "hw.py")
    assert unicodedata.name(names(source)["name"]) == "LATIN SMALL LETTER E WITH ACUTE"


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(
        UnreadableSource, match=r"^hw.py is empty; submit the file that you worked in\.$"
    ):
        decode(data, "hw.py")


@pytest.mark.parametrize("data", [b"\x80\x04\x95\0\0pickle", b"PK\3\4\0\0", b"x = 1\0"])
def test_binary_data_is_refused(data: bytes) -> None:
    with pytest.raises(
        UnreadableSource,
        match=r"^hw.py is not text but binary data; submit the .py or .ipynb itself\.$",
    ):
        decode(data, "hw.py")


@pytest.mark.parametrize("data", [b"x = '\xff\xff\xff'", codecs.BOM_UTF16_LE + b"x\0=\0\x31"])
def test_an_unknown_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(
        UnreadableSource, match=r"^hw.py is in an unknown text encoding; save it as UTF-8\.$"
    ):
        decode(data, "hw.py")


def test_utf32_is_refused_in_one_sentence() -> None:
    with pytest.raises(UnreadableSource, match=r"^hw\.py .*\.$"):
        read_python(KOREAN.encode("utf-32"), "hw.py")


def test_a_syntax_error_knows_its_file_and_line() -> None:
    with pytest.raises(SyntaxError) as caught:
        read_python(b"x = 1\ny = (\n", "hw.py")
    assert (caught.value.filename, caught.value.lineno) == ("hw.py", 2)


def test_a_files_future_imports_are_its_own() -> None:
    # This very file could have some: compile() would hand them on.
    source = read_python(b"def f(x: undefined_name): pass", "hw.py")
    with pytest.raises(NameError):
        names(source)


# Notebooks


def test_a_notebook_keeps_imports_definitions_and_constants_in_order() -> None:
    found = read(
        ("markdown", "# class NotCode: pass"),
        "import math\nfrom math import pi as PI",
        "WIDTH = 3\nDEPTH: int = WIDTH + 1\nSIZES = [(WIDTH, DEPTH), {'a': 1}]",
        "def area(r):\n    return PI * r * r",
        "class A:\n    width = WIDTH\n    def f(self): return area(1)",
        "async def g(): pass",
        ("raw", "x = 1"),
    )
    assert list(found) == ["math", "PI", "WIDTH", "DEPTH", "SIZES", "area", "A", "g"]
    assert found["A"]().f() == found["PI"]
    assert found["A"].width == 3


def test_the_last_definition_wins() -> None:
    found = read("class A:\n    version = 1\nK = 1", "def A(): return 2", "class A: version = 3")
    assert found["A"].version == 3


@pytest.mark.parametrize(
    "line",
    [
        "model = A()",
        "print('hello')",
        "model.train()",
        "for epoch in range(10): raise SystemExit",
        "while True: pass",
        "with open('x') as f: pass",
        "assert False",
        "raise SystemExit",
        "del x",
        "x += 1",
        "x = [f() for f in fs]",
        "x = (y := 1)",
        "x = await f()",
        "if __name__ == '__main__': x = 1",
        'if __name__ == "__main__":\n    main()',
        "if True:\n    x = 1\n    train()",
        "try:\n    x = train()\nexcept NameError:\n    x = 0",
        "try:\n    import math\nfinally:\n    train()",
        "x: int",
        "'a docstring'",
    ],
)
def test_what_runs_or_trains_is_left_out(line: str) -> None:
    assert list(read(f"{line}\nKEPT = 1")) == ["KEPT"]


@pytest.mark.parametrize(
    "line",
    [
        "X = 1",
        "X = -1.5e3",
        "X = Y = 'text'",
        "X, Y = 1, 2",
        "X = [0] * 3",
        "X = {'lr': 1e-3, 'sizes': (1, 2)}",
        "X = 3 if KNOWN else 4",
        "X = f'{KNOWN}'",
        "X = lambda x: f(x)",
        "X = [i * i for i in range(3)]",
        "X = max(1, int('2'), len('abc'))",
        "X = KNOWN.__class__",
        "X: float = 0.5",
        "if KNOWN:\n    X = 1\nelse:\n    X = 2",
        "try:\n    import no_such_module as X\nexcept ImportError:\n    X = None",
        "try:\n    import math as X\nexcept ImportError:\n    pass",
    ],
)
def test_plain_constants_are_kept(line: str) -> None:
    assert "X" in read(f"KNOWN = 1\n{line}")


@pytest.mark.parametrize(
    "cell",
    [
        "def make(): return 5\nsize = make()\nclass A:\n    size = size",
        "from types import SimpleNamespace\nconfig = SimpleNamespace(size=5)\n"
        "class A:\n    def __init__(self): self.size = config.size",
        "class Config: size = 5\nconfig = Config()\ndef default(): return config.size\n"
        "class A:\n    def __init__(self): self.size = default()",
    ],
    ids=["class body", "method", "through a function"],
)
def test_what_a_class_needs_is_kept_even_if_it_must_be_called(cell: str) -> None:
    assert read(cell)["A"]().size == 5


def test_a_local_name_of_a_method_is_nothing_that_a_class_needs() -> None:
    found = read(
        "def train(): raise SystemExit\nout = train()\nsize = 3",
        "class A:\n    def f(self, size):\n        out = size\n        return out",
    )
    assert found.keys() == {"train", "size", "A"}


def test_what_rests_on_a_line_that_was_left_out_may_fail_and_the_rest_may_not() -> None:
    source = read_notebook(
        notebook("x = f()\nB, D = x.shape\nclass A: pass", "import math"), "hw.ipynb"
    )
    assert [part.optional for part in source.parts] == [True, False, False]


def test_a_notebooks_future_imports_hold_for_the_whole_cell() -> None:
    found = read("from __future__ import annotations\nclass A:\n    x: undefined_name")
    assert found["A"].__annotations__ == {"x": "undefined_name"}


def test_the_device_is_a_constant() -> None:
    assert str(
        read(
            "import torch",
            "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        )["device"]
    ).startswith(("cpu", "cuda"))


@pytest.mark.parametrize(
    "line",
    [
        "!pip install einops",
        "%matplotlib inline",
        "%pip install -q einops",
        "?print",
        "print?",
        "print??",
        "torch.nn.Linear?",
        "!pip install \\\n    einops \\\n    torch",
        "%timeit \\\nx",
        "files = !ls",
        "here = %pwd",
    ],
)
def test_magics_and_shell_lines_are_dropped(line: str) -> None:
    assert {"math", "A"} <= read(f"import math\n{line}\nclass A: pass").keys()


def test_line_numbers_stay_where_magics_are_dropped() -> None:
    found = read("!pip install \\\n    x\n\ndef f():\n    raise ValueError")
    assert found["f"].__code__.co_firstlineno == 4


@pytest.mark.parametrize("cell", ["%%bash\nls", "%%html\n<b>x</b>", "\n%%writefile x.py\nx = 1"])
def test_a_cell_in_another_language_is_left_out(cell: str) -> None:
    assert list(read(cell, "class A: pass")) == ["A"]


@pytest.mark.parametrize("magic", ["%%time", "%%capture", "%%capture out\n!pip install x"])
def test_a_magic_that_only_watches_a_cell_does_not_hide_it(magic: str) -> None:
    assert list(read("K = 1", f"{magic}\nclass A: pass")) == ["K", "A"]


def test_a_comment_with_a_question_mark_is_no_magic() -> None:
    found = read("!pip install einops\ndef f():\n    x = 2\n    return x  # is this right?")
    assert found["f"]() == 2


def test_a_magic_may_be_all_that_a_block_holds() -> None:
    assert "A" in read(
        "try:\n    import math\nexcept ImportError:\n    !pip install x\nclass A: pass"
    )


def test_percent_and_question_mark_are_python_where_a_cell_is_python() -> None:
    found = read("X = (7\n% 4)\nTEXT = '''\nWhat is attention?\n!important\n'''")
    assert found == {"X": 3, "TEXT": "\nWhat is attention?\n!important\n"}


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("class B:\n  def f(:", id="a syntax error"),
        pytest.param("def f():\n\treturn 1\n        return 2", id="tabs and blanks"),
        pytest.param("x = '\0'", id="a zero byte"),
        pytest.param("x = '\ud800'", id="half a surrogate pair"),
        pytest.param("class B:\n    return 1", id="return in a class"),
        pytest.param("def f(a, a): pass", id="an argument twice"),
        pytest.param("x = " + "-" * 20_000 + "1", id="too deep to parse"),
        pytest.param("x = " + "1 + " * 20_000 + "1", id="too deep to compile"),
        pytest.param("if 0: pass\n" + "elif 0: pass\n" * 600, id="too deep to look through"),
    ],
)
def test_a_broken_cell_is_reported_and_the_others_are_kept(cell: str) -> None:
    source = read_notebook(notebook("class A: pass", cell, "K = 1"), "hw.ipynb")
    assert list(names(source)) == ["A", "K"]
    (note,) = sentences(source.notes, "hw.ipynb")
    assert note.startswith("hw.ipynb, cell 2 is left out: ")


def test_a_broken_cell_is_reported_by_its_line() -> None:
    source = read_notebook(notebook("K = 1", "x = 1\ny = )"), "hw.ipynb")
    assert sentences(source.notes, "hw.ipynb") == (
        "hw.ipynb, cell 2 is left out: \"unmatched ')'\" (line 2).",
    )


def test_a_notebook_of_broken_cells_only_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError) as caught:
        read_notebook(notebook("x = (", "y = )"), "hw.ipynb")
    assert caught.value.filename == "hw.ipynb, cell 1"


def test_texts_are_kept_cell_by_cell_for_messages() -> None:
    source = read_notebook(notebook("print(1)", "class A: pass\nA().f()"), "hw.ipynb")
    assert source.texts["hw.ipynb, cell 2"] == "class A: pass\nA().f()"
    assert {part.code.co_filename for part in source.parts} == {"hw.ipynb, cell 2"}


@pytest.mark.parametrize("cells", [[], ["print(1)"], [("markdown", "class A: pass")], ["%%bash"]])
def test_a_notebook_without_a_definition_is_refused(cells: list[Any]) -> None:
    with pytest.raises(
        UnreadableSource, match=r"^hw.ipynb has no code cell with a definition in it\.$"
    ):
        read_notebook(notebook(*cells), "hw.ipynb")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"5", id="number"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{}", id="empty object"),
        pytest.param(b'{"nbformat": 99}', id="version 99"),
        pytest.param(b'{"nbformat": "4", "cells": []}', id="version in text"),
        pytest.param(b'{"cells": [', id="cut off"),
        pytest.param(b"print('a .py with the wrong ending')", id="Python"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(notebook(cells=5), id="cells is no list"),
        pytest.param(notebook(cells=[5]), id="a cell is no object"),
        pytest.param(b'{"nbformat": 2, "worksheets": []}', id="version 2"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(
        UnreadableSource,
        match=r"^hw.ipynb is not a notebook that can be read; "
        r"open it in Jupyter, save it and submit it again\.$",
    ):
        read_notebook(data, "hw.ipynb")


def test_notebooks_of_older_versions_are_read() -> None:
    cell = {"cell_type": "code", "input": "class A: pass", "outputs": [], "language": "python"}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}}
    data = json.dumps(old | {"worksheets": [{"cells": [{**cell, "collapsed": False}]}]})
    assert list(names(read_notebook(data.encode(), "hw.ipynb"))) == ["A"]


def test_a_cells_source_may_be_a_list_of_lines() -> None:
    assert list(read(["class A:\n", "    pass"])) == ["A"]


def test_a_notebook_with_a_bom_is_read() -> None:
    data = codecs.BOM_UTF8 + notebook("class A: pass")
    assert list(names(read_notebook(data, "hw.ipynb"))) == ["A"]


def test_cells_without_ids_are_read_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    plain = json.loads(notebook("class A: pass"))
    del plain["cells"][0]["id"]
    assert list(names(read_notebook(json.dumps(plain).encode(), "hw.ipynb"))) == ["A"]
    assert capfd.readouterr() == ("", "")


def test_placeholders_are_found_where_they_still_stand() -> None:
    text = (
        'def f():\n    raise NotImplementedError("TODO sdpa: Scaled")\n'
        "def g():\n    raise NotImplementedError('TODO mha: Heads')\n"
        '    # raise NotImplementedError("TODO gone: commented out")\n'
        '    raise NotImplementedError("my own")\n'
    )
    assert placeholders([text, "x = 1"]) == {"sdpa", "mha"}
    assert placeholders([]) == set()


# Anything at all


def ends_well(read: Callable[[bytes, str], Source], data: bytes) -> None:
    """Code, or a sentence, or Python's own: nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the student's business
        try:
            source = read(data, "hw")
        except (UnreadableSource, SyntaxError):
            return
    assert source.parts


PIECES = st.sampled_from(
    [
        *("class A: pass\n", "def f():\n", "  return 1\n", "import a\n", "x = 1\n", "x?", "\n"),
        *("!ls\n", "%%bash\n", "%time\n", "# coding: ", "utf-7", "utf-16", "hex", "+2AA-"),
        *("(", "'", "\\", "f'{", "}", "=", "lambda", "1_", "0x", "박", "é", "\ufeff", "\r", "\x0c"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=8).map("".join)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=50)
    | st.builds(
        lambda text, encoding: text.encode(encoding, "replace"),
        TEXTS,
        st.sampled_from(["utf-8", "utf-16", "utf-16-be", "cp949", "utf-32"]),
    )
)
@example(b"# coding: utf-7\n'+2AA-'")  # half a surrogate pair, which Python cannot compile
@example(b"# coding: raw_unicode_escape\n'\\ud800'")
def test_bytes_of_any_kind_are_python_or_refused(data: bytes) -> None:
    ends_well(read_python, data)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 5) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "nbformat", "metadata", "outputs"]),
            inner,
        )
    ),
    max_leaves=8,
)
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown"]) | ANY_JSON, "source": TEXTS | ANY_JSON},
    optional={"metadata": ANY_JSON, "outputs": ANY_JSON, "id": ANY_JSON},
)
NOTEBOOKS = st.fixed_dictionaries(
    {"nbformat": st.just(4) | ANY_JSON, "cells": st.lists(CELLS, max_size=4) | ANY_JSON},
    optional={"nbformat_minor": ANY_JSON, "metadata": ANY_JSON},
)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=50)
    | ANY_JSON.map(lambda tree: json.dumps(tree).encode())
    | NOTEBOOKS.map(lambda tree: json.dumps(tree).encode())
    | st.lists(TEXTS, min_size=1, max_size=4).map(lambda cells: notebook(*cells))
)
def test_bytes_of_any_kind_are_a_notebook_or_refused(data: bytes) -> None:
    ends_well(read_notebook, data)
