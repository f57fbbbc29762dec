"""The contract between a terminal and the fleet server: messages, topics, signatures. No I/O.

`VERSION` is stated by both ends (in `Presence`, `Batch` and the terminal's state). A receiver tolerates fields it does
not know; a change that an older peer would misread raises the version.
"""

VERSION = 1
