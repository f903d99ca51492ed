# SPDX-License-Identifier: Apache-2.0
"""TAP for the tests of this folder: each check is a function that raises or returns."""

import traceback


class Skip(Exception):
    """The test can't be run here; the text is the reason."""


class Failure(Exception):
    """What was wrong, line by line."""


def run(tests):
    """Runs (name, function) pairs, prints their TAP; returns the exit status."""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        line, diagnostics = f"ok {number} - {name}", ""
        try:
            function()
        except Skip as skip:
            line += f" # SKIP {skip}"
        except Failure as failure:
            line, diagnostics = f"not {line}", str(failure)
        except Exception:  # any other error is a failure, not the end of the other tests
            line, diagnostics = f"not {line}", traceback.format_exc()
        failed += line.startswith("not ")
        print(line)
        for text in diagnostics.splitlines():
            print(f"# {text}")
        print(end="", flush=True)
    return 1 if failed else 0
