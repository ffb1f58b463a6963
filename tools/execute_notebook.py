"""Execute a notebook in its own kernel, and lose none of its outputs.

usage: python3 execute_notebook.py IN.ipynb OUT.ipynb      (needs nbclient; Debian: python3-nbclient)

The Deno kernel may send an output after it has said that it is idle. The client of Jupyter stops
listening at that word; this one goes on until the kernel has been silent for a moment.
"""

import sys
from queue import Empty

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellExecutionError

SILENCE_SECONDS = 0.15
CELL_SECONDS = 600


class PatientClient(NotebookClient):
    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        idle = False
        while True:
            try:
                timeout = SILENCE_SECONDS if idle else None
                message = await self.kc.iopub_channel.get_msg(timeout=timeout)
            except Empty:
                return
            if message["parent_header"].get("msg_id") != parent_msg_id:
                continue
            try:
                self.process_message(message, cell, cell_index)
            except CellExecutionComplete:
                idle = True


def main(source, target):
    notebook = nbformat.read(source, as_version=4)
    client = PatientClient(notebook, timeout=CELL_SECONDS, record_timing=False, kernel_name="deno")
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(str(error))
    nbformat.write(notebook, target)


main(*sys.argv[1:3])
