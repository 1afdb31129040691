/** Bytes per second from progress frames: over the last samples when there are enough, else over the whole run. */
export interface Sample { at: number; bytes: number }

export function throughput(samples: readonly Sample[], bytesDone: number | undefined, secondsElapsed: number | undefined): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first && last && last.at - first.at >= 1500 && last.bytes >= first.bytes) return (last.bytes - first.bytes) / ((last.at - first.at) / 1000);
  return bytesDone !== undefined && secondsElapsed ? bytesDone / secondsElapsed : undefined;
}
