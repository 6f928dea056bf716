#!/bin/bash
# Predicts a folder of images as a SLURM job array, and merges the parts. Submit both with
#
#   tools/slurm/score.sh runs/r1 /data/images /data/scores.csv 100
#
# for 100 tasks; what sbatch should be told besides goes into SBATCH_ARGS, such as
# SBATCH_ARGS="--partition=cpu --account=faces". A task that is requeued goes on where it stopped. If some failed, submit
# again: parts that are complete end at once.
#SBATCH --job-name=jresnet-score
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  [ $# -eq 4 ] || { echo "usage: tools/slurm/score.sh MODEL IMAGES TABLE.csv TASKS" >&2; exit 2; }
  # SLURM runs a copy of this script, so it is told where jresnet lies; the others must not start by building it.
  JRESNET=$(cd "$(dirname "$0")/../.." && pwd)/jresnet
  "$JRESNET" --version
  export JRESNET
  # shellcheck disable=SC2086
  job=$(sbatch --parsable ${SBATCH_ARGS:-} --array="1-$4" "$0" "$@")
  # afterany: a task whose part holds images that cannot be decoded ends with 1, and merge checks the parts itself.
  # shellcheck disable=SC2086
  sbatch ${SBATCH_ARGS:-} --dependency="afterany:${job%%;*}" --cpus-per-task=1 --time=01:00:00 \
    --wrap="$(printf '%q merge %q --overwrite' "$JRESNET" "$3")"
  exit
fi

# One line per image is what the table holds already.
exec "$JRESNET" predict "$1" "$2" --csv "$3" --shard "$SLURM_ARRAY_TASK_ID/$4" \
  --threads "$SLURM_CPUS_PER_TASK" --precision "${PRECISION:-fp32}" >/dev/null
