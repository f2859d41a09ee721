# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sends a signal to a command as soon as a folder has a file, and says how it ended and what is left there.

usage: interrupt.py SIGNAL FOLDER COMMAND...
"""

import os
import signal
import subprocess
import sys
import time

name, folder, *command = sys.argv[1:]
# What is run in the background ignores some.
process = subprocess.Popen(
    command, stdout=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(signal.Signals[name], signal.SIG_DFL)
)
while process.poll() is None and not os.listdir(folder):
    time.sleep(0.01)
process.send_signal(signal.Signals[name])
status = process.wait()
print("ended by", signal.Signals(-status).name if status < 0 else status, "leaving", os.listdir(folder))
