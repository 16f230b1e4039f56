#!/usr/bin/env bash
# Tune with a process for each GPU (or N processes: PROCESSES=2), or with FSDP (FSDP=1):
#
#     training/launch.sh --model hf:Qwen/Qwen3-8B --recipe all --output adapter
set -euo pipefail

processes="${PROCESSES:-$(python -c 'import torch; print(max(1, torch.cuda.device_count()))')}"
if [ "${FSDP:-0}" = 1 ]; then
  how=(--use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP)
elif [ "$processes" -gt 1 ]; then
  how=(--multi_gpu)
else
  how=()
fi
exec accelerate launch "${how[@]}" --num_processes "$processes" --num_machines 1 \
  --mixed_precision no --dynamo_backend no -m diffbench tune "$@"
