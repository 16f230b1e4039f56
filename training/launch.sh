#!/usr/bin/env bash
# Tune with a process for each GPU, or with as many as PROCESSES says:
#
#     training/launch.sh --model hf:Qwen/Qwen3-8B --recipe all --output adapter
set -euo pipefail

processes="${PROCESSES:-$(python -c 'import torch; print(max(1, torch.cuda.device_count()))')}"
if [ "$processes" -le 1 ]; then
  exec python -m diffbench tune "$@"
fi
exec accelerate launch --multi_gpu --num_processes "$processes" --num_machines 1 \
  --mixed_precision no --dynamo_backend no -m diffbench tune "$@"
