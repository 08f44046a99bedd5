"""Executors with bars over other engines than the pool of processes: one file each.

An engine is whatever runs tasks; what it needs to show them is small: a *way*, which makes

    sender      `channel.Sender`, with a `recipe` by which it is made anew where a task
                arrives: takes records, never waits for long, may be used by any thread
    receiver    `channel.Receiver`: gives what has come, in the order of each sender

and a class that is `shown.Shown` and the engine's own executor. `barexec.testing.check_way`
holds a way to that.

Never here: one engine that imports another.
"""
