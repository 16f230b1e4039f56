#!/usr/bin/env bash
# Tune with a process for each GPU, or with as many as PROCESSES says:
#
#     training/launch.sh --model hf:Qwen/Qwen3-8B --recipe all --output adapter
#
# With SHARDED=1 each process holds a shard of the model instead of a copy.
set -euo pipefail

processes="${PROCESSES:-$(python -c 'import torch; print(max(1, torch.cuda.device_count()))')}"
if [ "$processes" -le 1 ]; then
  exec python -m diffbench tune "$@"
fi
how=(--multi_gpu)
if [ -n "${SHARDED:-}" ]; then
  how=(--use_fsdp --fsdp_version 2)
fi
exec accelerate launch "${how[@]}" --num_processes "$processes" --num_machines 1 \
  --mixed_precision no --dynamo_backend no -m diffbench tune "$@"
