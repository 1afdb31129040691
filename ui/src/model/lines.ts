/** Lists in request bodies must not be empty; what the types ask for, the server checks and names the field. */
export type NonEmpty = [string, ...string[]];

/** A text area as a list: one entry per line, trimmed, without empty ones. */
export function lines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '');
}
