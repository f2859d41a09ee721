# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes from the LLVM dialect what rlx-run names otherwise: functions, and where arguments come from."""

import re
import sys

text = sys.stdin.read()
text = text.replace("rlx.program.", "")
text = re.sub(r'@"([\w.]+)"', r"@\1", text)
text = re.sub(r" \{(rlx|bufferize)\.[^{}]*\}", "", text)
print(text.strip())
