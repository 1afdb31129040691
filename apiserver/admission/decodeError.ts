/** Text that could not be read, with the place. */
export class DecodeError extends Error {
  readonly line: number;
  readonly column: number;
  /** @param line one-based @param column one-based */
  constructor(why: string, line: number, column: number) {
    super(`line ${line}, column ${column}: ${why}`);
    this.name = 'DecodeError';
    this.line = line;
    this.column = column;
  }
}

/** A body larger than the limit. */
export class TooLarge extends Error {
  constructor(limit: number) {
    super(`Request entity too large: limit is ${limit}`);
    this.name = 'TooLarge';
  }
}
