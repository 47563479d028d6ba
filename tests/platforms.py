"""Classes laid out as each platform lays out its download; shared by the tests of both directions.

Students hand in files by name. 김민준 is on time, 이서연 late, Park Dohyun hands in twice.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, bytes]

METADATA = """\
---
submission_501:
  :submitters:
  - :name: 김민준
    :sid: '0101'
    :email: minjun@snu.ac.kr
  :created_at: 2026-03-02 14:59:30.123456000 Z
  :score: 3.0
  :status: processed
  :results:
    :output: |-
      :submitters:
      - :name: Somebody Else
    :tests: []
  :history: []
submission_502:
  :submitters:
  - :name: 이서연
    :sid: '0102'
    :email: seoyeon@snu.ac.kr
  - :name: "O'Neil, \\"Bo\\""
    :sid:
    :email: bo@snu.ac.kr
  :created_at: 2026-03-03 00:10:00.000000000 +09:00
  :score:
  :status: unprocessed
  :history: []
submission_503:
  :submitters:
  - :name: Park Dohyun
    :sid: '0103'
    :email: dohyun@snu.ac.kr
  :created_at: 2026-03-02 15:10:00.5 Z
  :history: []
"""


def canvas(right: bytes, wrong: bytes) -> Files:
    return {
        "김민준_101_9001_lstm.py": right,
        "이서연_LATE_102_9002_lstm.py": wrong,
        "park dohyun_103_9003_lstm.py": wrong,
        "park dohyun_103_9010_lstm-1.py": right,
    }


def gradescope(right: bytes, wrong: bytes) -> Files:
    return {
        "submission_metadata.yml": METADATA.encode(),
        "submission_501/lstm.py": right,
        "submission_502/내 과제/lstm.py": wrong,
        "submission_503/lstm.py": right,
    }


def moodle(right: bytes, wrong: bytes) -> Files:
    return {
        "김민준_701_assignsubmission_file_/lstm.py": right,
        "이서연_702_assignsubmission_file_/과제/lstm.py": wrong,
        "이서연_702_assignsubmission_onlinetext_/onlinetext.html": b"<p>late, sorry</p>",
        "Park Dohyun_703_assignsubmission_file_/lstm.py": right,
    }


def nbgrader(right: bytes, wrong: bytes) -> Files:
    return {
        "submitted/0101/week3/lstm.py": right,
        "submitted/0101/week3/timestamp.txt": b"2026-03-02 14:59:30.123456 UTC",
        "submitted/0102/week3/lstm.py": wrong,
        "submitted/0102/week3/timestamp.txt": b"2026-03-03 00:10:00.000000 Asia/Seoul",
        "submitted/0103/week3/lstm.py": right,
    }


def github(right: bytes, wrong: bytes) -> Files:
    return {
        f"lstm-submissions/lstm-{login}/{file}": data
        for login, answer in (("minjun-kim", right), ("seoyeon", wrong), ("dohyun-p", right))
        for file, data in (("lstm.py", answer), (".git/config", b""), ("README.md", b""))
    }


PLATFORMS = {
    "canvas": canvas,
    "gradescope": gradescope,
    "moodle": moodle,
    "nbgrader": nbgrader,
    "github": github,
}


def unpacked(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def packed(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
