/** What a colour may mean. Colour is only ever used for state, and never alone: a word stands beside it. */
export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'run' | 'idle' | 'hollow';
