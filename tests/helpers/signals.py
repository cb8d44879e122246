"""A signal at a certain moment of a program: as it imports a module, opens a file, renames a folder, …"""

import json
import signal
from pathlib import Path

from tests.helpers.paths import ROOT

# Python tells the hook of each such event (docs.python.org/3/library/audit_events.html).
HOOK = """
import json, os, sys

EVENT, NAME, SIGNAL = json.loads(os.environ["SIGNAL_AT"])
sent = []

def send_signal(event, args):
    if event == EVENT and NAME in str(args[0]) and not sent:
        sent.append(True)
        os.killpg(0, SIGNAL)

sys.addaudithook(send_signal)
"""


def signal_at(folder: Path, event: str, name: str, number: signal.Signals) -> dict[str, str]:
    """Return the environment in which Python's process group gets a signal at a moment.

    That is the first audit event of this kind whose first argument contains `name`, in the process that is
    started (in a session of its own!) or in one that it starts. `folder`: for the hook.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(HOOK)
    return {"PYTHONPATH": f"{folder}:{ROOT}", "SIGNAL_AT": json.dumps([event, name, number])}
