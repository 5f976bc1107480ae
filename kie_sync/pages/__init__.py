"""What the platform publishes about its models, read: to write an entry from it, or to hold entries against it.

Pure: texts come in, values go out. Where the texts come from is the command line's matter.
"""

from __future__ import annotations
