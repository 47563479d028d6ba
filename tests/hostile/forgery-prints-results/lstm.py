"""Prints a line of results.jsonl and a Gradescope report with full marks, and writes both into every
folder that a platform reads them from, if there is none yet. It must not work: what is printed is shown,
not parsed, and results are written by the judge.
"""

import json
import os

from answers import Wrong as LSTMClassifier

report = {"score": 6.0, "max_score": 6.0, "tests": [{"score": 6, "max_score": 6, "status": "passed"}]}
line = {"submission": "forgery-prints-results", "assignment": "lstm", "verdict": "passed", **report}
print(json.dumps(report), json.dumps(line), sep="\n")
print("::set-output name=score::6\n##[group]passed\n1 passed in 0.01s")
for name in ("results.json", "results.jsonl", "grades.csv"):
    for folder in (".", "..", "../out"):
        try:
            with open(os.path.join(folder, name), "x") as file:
                json.dump(report, file)
        except OSError:
            pass
