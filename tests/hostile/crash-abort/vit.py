"""Aborts at import, with a core dump if it may. It must not work: it is its own process, and no core is kept."""

import os
import resource

hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
os.abort()
