"""The result of a background job, from what async_status found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetrun.model.steps import Captured, Reply
from fleetrun.model.values import Value

_TROUBLES = {"timeout": "module/timeout"}


def job_reply(reply: Reply) -> Reply:
    """Returns the reply of async_status as if the job itself had answered.

    As long as the job runs, and when it is not found, that is the reply as it
    is. The job's own result, status and output come in fields that begin with
    ``job``; they are the device's, so none of them is taken for granted.
    """
    values = dict(reply.values)
    job, how = values.pop("job", None), values.pop("job_how", "")
    stdout, stderr = _text(values.pop("job_stdout", "")), _text(values.pop("job_stderr", ""))
    status, kind = values.pop("job_rc", None), values.pop("job_kind", "")
    if not isinstance(job, Mapping) or not isinstance(status, int):
        return replace(reply, values=values, stdout=stdout, stderr=stderr)
    # Whether something changed is the job's word, not that of who asked.
    values.pop("changed", None)
    merged: dict[str, Value] = {**job, **values}
    if how == "exec":
        merged["rc"] = status
    trouble = _TROUBLES.get(str(kind), "module/killed" if how == "-" else "")
    return replace(
        reply, values=merged, exit_status=status, error_kind=trouble, stdout=stdout, stderr=stderr
    )


def _text(value: Value) -> Captured:
    content = str(value).encode("utf-8", "surrogateescape")
    return Captured(content=content, length=len(content))
