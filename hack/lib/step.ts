/** Says what is being done and how long it took; a long step speaks up every 15 s, so that nobody waits in silence. */
const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Runs `work` under a title. Its error is passed on after the failure was printed with its duration. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const begin = Date.now();
  console.log(`> ${title} ...`);
  const still = setInterval(() => { console.log(`  ... still at it: ${title} (${seconds(begin)})`); }, 15_000);
  try {
    const value = await work();
    console.log(`  done: ${title} (${seconds(begin)})`);
    return value;
  } catch (error) {
    console.log(`  FAILED: ${title} (${seconds(begin)})`);
    throw error;
  } finally {
    clearInterval(still);
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
