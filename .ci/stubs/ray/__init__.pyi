# Ray is optional: checked as untyped, so that results do not depend on whether it is installed.
from typing import Any

def __getattr__(name: str) -> Any: ...
