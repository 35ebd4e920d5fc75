"""YAML files of rules and of their cases: several documents a file, read the same way and refused in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from credwatch.kernel.errors import RuleError


def read_documents(path: Path) -> list[Any]:
    """Read the documents of a file, empty ones left out; raises RuleError where it cannot be read or is no YAML."""
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except OSError as error:
        raise RuleError(f"cannot be read: {error.strerror}", where=str(path), hint="check its permissions") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleError(f"not valid YAML: {error}", where=str(path), hint="mend the line it names") from error
    return [document for document in documents if document is not None]
