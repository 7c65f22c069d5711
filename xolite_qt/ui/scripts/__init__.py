"""Calls as scripts that people can keep: for `xe` on the host, and for Python with XenAPI.

calls = await rehearse(api, [work])
names = await names_of(api, calls)
print(as_xe(calls, names)); print(as_python(calls, names))
"""

from __future__ import annotations

from .names import Known, Names, names_of
from .python_script import as_python
from .xe_script import as_xe

__all__ = ["Known", "Names", "as_python", "as_xe", "names_of"]
