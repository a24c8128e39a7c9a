#!/bin/sh
# ResNet on two machines of a SLURM cluster, for longer than one job may run:
#
#     sbatch docs/slurm.sh --depth 56
#
# Two minutes before the time limit SLURM sends SIGTERM. The training stops, the job goes back to the
# queue, and its next start resumes the training. The folder must be one that all machines can read.

#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append

if [ -z "$SLURM_JOB_ID" ]; then
    echo "slurm.sh runs as a job of SLURM: sbatch docs/slurm.sh $*" >&2
    exit 2
fi
out=runs/job-$SLURM_JOB_ID # a job that is requeued keeps its number
run=$(ls -t "$out"/resnet/*/run.json 2>/dev/null | head -n 1)
if [ -n "$run" ]; then
    set -- resume "$run"
else
    set -- --out "$out" "$@"
fi

trap 'kill "$!"; wait; scontrol requeue "$SLURM_JOB_ID"' TERM
export FIRST="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"
export PORT=$((1024 + SLURM_JOB_ID % 60000)) # two jobs may share a machine
srun sh -c 'exec torchrun --nnodes="$SLURM_NNODES" --node_rank="$SLURM_NODEID" \
    --nproc_per_node="$SLURM_GPUS_ON_NODE" --master_addr="$FIRST" --master_port="$PORT" \
    code/resnet.py "$@"' sh "$@" &
wait "$!"
