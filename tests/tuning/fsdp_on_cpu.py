"""`diffbench` in shards on CPUs: `python -m tests.tuning.fsdp_on_cpu tune …`.

torch shards models over CPUs too, but accelerate takes FSDP up on GPUs only. Told that
these processes are of that kind, it does on CPUs what it does there.
"""

from __future__ import annotations

from typing import Any

from accelerate import state
from accelerate.utils import DistributedType

from diffbench.cli.main import main


class _State(state.AcceleratorState):  # type: ignore[misc]
    def __init__(self, *arguments: Any, fsdp_plugin: Any = None, **named: Any) -> None:
        super().__init__(*arguments, fsdp_plugin=fsdp_plugin, **named)
        if fsdp_plugin is not None:
            state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP
            state.AcceleratorState._shared_state |= {
                "distributed_type": DistributedType.FSDP,
                "fsdp_plugin": fsdp_plugin,
            }


if __name__ == "__main__":
    import accelerate.accelerator

    accelerate.accelerator.AcceleratorState = _State
    main()
