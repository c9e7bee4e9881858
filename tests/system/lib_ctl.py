# SPDX-License-Identifier: MIT
"""nsshellctl, run as root or as a user, and what its JSON has to look like."""

import json

import jsonschema

from lib_process import as_root, run
from lib_settings import PREFIX

CTL = PREFIX / "bin/nsshellctl"
SCHEMAS = PREFIX / "share/nsshell/schema"

# Exit statuses.
OK, WARN, FAILED = range(3)


def ctl(*words, account=None, **how):
    """Runs a subcommand as root, or as that user; returns a Result."""
    if account:
        return run(account, *words, program=str(CTL), **how)
    return as_root(str(CTL), *words, **how)


def ctl_json(command, *words, rc=OK, **how):
    """What it prints with --json, which has to be of the form that the project describes."""
    result = ctl(command, *words, "--json", **how)
    assert result.rc == rc and not result.err, result
    return checked(command, result.out)


def closed(schema):
    """The same without fields that it does not name: programs have to bear them, but this version has none."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        made.setdefault("additionalProperties", False)
    return made


def checked(command, text):
    """The value of a JSON text, checked against the command's schema."""
    value = json.loads(text)
    schema = json.loads((SCHEMAS / f"{command}.json").read_text())
    assert "additionalProperties" not in json.dumps(schema)  # a later version may add some
    jsonschema.validate(value, closed(schema))
    return value
