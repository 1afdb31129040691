/** Sends the spool over a connection: in order, each frame once per connection, from the first that is not acknowledged. */
import type { Spool } from '../spool/spool.js';
import type { Connection } from './connection.js';

export class SpoolPump {
  readonly #spool: Spool;
  #connection: Connection | undefined;
  #sent = 0;
  #running = false;
  #again = false;
  readonly #onError: (error: unknown) => void;

  constructor(spool: Spool, onError: (error: unknown) => void) {
    this.#spool = spool;
    this.#onError = onError;
    spool.onAppend(() => { this.#run(); });
  }

  /** Begins at the first unacknowledged frame: what hello announced. */
  start(connection: Connection): void {
    this.#connection = connection;
    this.#sent = this.#spool.range.first - 1;
    this.#run();
  }

  stop(): void {
    this.#connection = undefined;
  }

  #run(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    this.#drain().catch(this.#onError).finally(() => {
      this.#running = false;
      if (this.#again && this.#connection) this.#run();
    });
  }

  async #drain(): Promise<void> {
    this.#again = false;
    for (;;) {
      const connection = this.#connection;
      if (!connection?.open) return;
      const frame = await this.#spool.nextAfter(this.#sent);
      if (connection !== this.#connection) continue;
      if (!frame) return;
      this.#sent = frame.seq;
      await connection.sendText(frame.text);
    }
  }
}
