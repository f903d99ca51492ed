# SPDX-License-Identifier: Apache-2.0
"""Writes TAP: one line per check, diagnostics below what failed, a plan at the end."""

import sys


class Tap:
    def __init__(self, prefix="", out=None):
        self.prefix = prefix
        self.out = out or sys.stdout
        self.count = 0
        self.failed = 0

    def _line(self, text):
        print(text, file=self.out, flush=True)

    def _result(self, good, name, suffix=""):
        self.count += 1
        self.failed += not good
        name = (self.prefix + name).replace("#", "\\#").replace("\n", " ")
        self._line(f"{'ok' if good else 'not ok'} {self.count} - {name}{suffix}")

    def note(self, text):
        for line in str(text).split("\n"):
            self._line("# " + line)

    def check(self, good, name, diagnostics=(), limit=8):
        """Says ok or not; of the diagnostics at most `limit`."""
        good = bool(good)
        self._result(good, name)
        if not good:
            diagnostics = list(diagnostics)
            for text in diagnostics[:limit]:
                self.note(text)
            if len(diagnostics) > limit:
                self.note(f"... and {len(diagnostics) - limit} more")
        return good

    def skip(self, name, reason):
        self._result(True, name, " # SKIP " + reason.replace("\n", " "))

    def done(self):
        self._line(f"1..{self.count}")
        return 1 if self.failed else 0
