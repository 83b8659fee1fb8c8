"""The keywords of ``rollout``, ``graph`` and what stands in them."""

from __future__ import annotations

from typing import Final

from fleetrun.loading.keyword import Table, later, now

NAME: Final = now("name | text | What it is called in the output.")

ROLLOUT: Final[Table] = {
    **now("""
    stages | list of stages | One after the other, each behind the gate of the one before.
    concurrency | number | Most devices at work at once (default: --forks).
    limits | list of limits | Most devices at work at once per site, bastion, type …; all hold together.
    rate | rate | How many devices start per minute.
    gate | gate | What must hold before the next stage starts.
    order | word | Order of devices: stable, inventory, reverse_inventory, sorted, reverse_sorted, shuffle.
    """),  # noqa: E501
    **later("""
    membership | word | Whether devices that appear later join. | remove it; the devices are those of the start
    window | mapping | Times of day at which devices may start. | start the run at that time
    deadline | duration | How long to wait for devices that are offline. | run `fleetrun retry` later
    on_abort | mapping | What happens after a halt. | after a halt no device is started; repair with a playbook of your own
    """),  # noqa: E501
}
STAGE: Final[Table] = {
    **NAME,
    **now("""
    pick | number, N% or sample | Devices up to and including this stage, of the whole selection; or {per: [device_type], count: 1}.
    gate | gate | In place of the rollout's gate.
    soak | duration | Time from the last success until the next stage may start.
    pause | approval | In place of `pick`: wait until a person approves (`fleetrun approve`).
    """),  # noqa: E501
}
GATE: Final[Table] = {
    **now("""
    success | N% | Share of the attempted devices that must have succeeded.
    abort_on | list of rules | Halt at once when a class of failures passes a limit.
    unreachable_budget | N% | Share of a stage that may be unreachable without holding it up.
    external | external check | A command on the controller, or a URL, that decides, too.
    """),
    **later("""
    checks | list of text | Checks on the devices. | check with tasks at the end of the play
    """),
}
ABORT_RULE: Final[Table] = now("""
    class | word | failed, unreachable, unknown or any.
    over | N% | Halt when more than this share of the attempted devices failed.
    count | number | Halt when so many devices failed.
    min_sample | number | Judge the share only from so many attempted devices on.
""")
GRAPH_GROUP: Final[Table] = now("""
    after | group or list of groups | Groups that must be done first, within each stage.
    scope | variable name | Wait only for devices with the same value of a variable (site); fleet: for all.
    need | all, any or N% | Share of the other group that must have succeeded (default: any).
""")  # noqa: E501
LIMIT: Final[Table] = now("""
    per | variable name | The variable (site): devices with the same value share the limit.
    max | number or N% | Most of them at work at once; a share is of the selected ones.
""")
RATE: Final[Table] = now("""
    per_minute | number | Devices that may start in any minute, evenly spread.
    growth | number | Multiply the rate by this, each time that `grow_after` more have succeeded.
    grow_after | mapping | How many: {succeeded: 1000}.
    max_per_minute | number | The rate grows no further.
""")
APPROVAL: Final[Table] = now("""
    approval | text | Who is asked, for the message; anyone who may write the journal can approve.
    timeout | duration | How long to wait, from the stage's start (default: for ever).
    on_timeout | word | abort (the default) or continue.
""")
EXTERNAL: Final[Table] = now("""
    cmd | text | The command, run in the playbook's folder without a shell: status 0 passes, 75 is inconclusive.
    url | text | In place of `cmd`: a URL to get (http or https).
    status | number | The HTTP status that passes (default: 200).
    every | duration | Time between two checks (default: 60s).
    count | number | So many checks must pass (default: 1); they go on to the end of the soak.
    failures | number | So many checks may fail (default: 0).
    timeout | duration | A check without an answer in this time is inconclusive (default: 60s).
    inconclusive | word | pause (the default: a person decides) or fail.
""")  # noqa: E501
SAMPLE: Final[Table] = now("""
    per | list of text | Variables: the stage has devices of each combination of their values.
    count | number | So many of each, with those of the stages before (default: 1).
""")
