/**
 * One keep-alive HTTPS connection of the bench client: one request at a time, replies read just far enough to be counted.
 * Written on TLS sockets, because Node's own HTTP client would be the slowest part of the measurement.
 */
import { connect, type TLSSocket } from 'node:tls';

export interface Target {
  port: number;
  ca: string;
  token: string;
}

export interface Reply {
  status: number;
  bytes: number;
  /** Only when asked for. */
  text: string;
}

interface Pending {
  keep: boolean;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

const HEADER_END = Buffer.from('\r\n\r\n');
const NEWLINE = 10;

export class Connection {
  readonly #socket: TLSSocket;
  readonly #headers: string;
  #pending: Pending | undefined;
  /** Each line of a watch is told here. */
  #onLine: ((lines: number) => void) | undefined;
  #head = Buffer.alloc(0);
  #status = 0;
  #bytes = 0;
  #kept: Buffer[] = [];
  /** Bytes still to come of the body, or of the chunk. */
  #left = 0;
  #state: 'head' | 'body' | 'chunkSize' | 'chunk' | 'trailer' = 'head';
  #size = '';

  private constructor(socket: TLSSocket, token: string) {
    this.#socket = socket;
    this.#headers = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nAccept: application/json\r\nUser-Agent: bench/1\r\n`;
    socket.on('data', (chunk: Buffer) => { this.#read(chunk); });
    socket.on('error', (error) => { this.#fail(error); });
    socket.on('close', () => { this.#fail(new Error('the server closed the connection')); });
  }

  static open({ port, ca, token }: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca, ALPNProtocols: ['http/1.1'] }, () => {
        socket.setNoDelay(true);
        socket.off('error', reject);
        resolve(new Connection(socket, token));
      });
      socket.once('error', reject);
    });
  }

  request(method: string, path: string, body?: string, type = 'application/json', keep = false): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#pending = { keep, resolve, reject };
      const entity = body === undefined ? '\r\n' : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.#headers}${entity}`);
    });
  }

  /** Resolves when the watch is answered; its events are counted from then on. */
  watch(path: string, onLine: (lines: number) => void): Promise<Reply> {
    this.#onLine = onLine;
    return this.request('GET', path);
  }

  close(): void {
    this.#pending = undefined;
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }

  #read(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (this.#state === 'head') at = this.#readHead(data, at);
      else if (this.#state === 'body' || this.#state === 'chunk') at = this.#readBody(data, at);
      else at = this.#readSize(data, at);
    }
  }

  #readHead(data: Buffer, at: number): number {
    const before = this.#head.length;
    this.#head = Buffer.concat([this.#head, data.subarray(at)]);
    const end = this.#head.indexOf(HEADER_END);
    if (end < 0) return data.length;
    const head = this.#head.toString('latin1', 0, end);
    this.#head = Buffer.alloc(0);
    this.#status = Number(head.slice(9, 12));
    this.#bytes = 0;
    this.#kept = [];
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#state = 'body';
      this.#left = Number(length);
      if (this.#left === 0) this.#done();
    } else {
      this.#state = 'chunkSize';
      if (this.#onLine) this.#answer();
    }
    return at + end + HEADER_END.length - before;
  }

  #readBody(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#left);
    this.#bytes += end - at;
    this.#left -= end - at;
    if (this.#onLine) this.#count(data.subarray(at, end));
    else if (this.#pending?.keep === true) this.#kept.push(data.subarray(at, end));
    if (this.#left === 0) {
      if (this.#state === 'body') this.#done();
      else this.#state = 'trailer';
    }
    return end;
  }

  /** The size line of a chunk, and the line end after a chunk. */
  #readSize(data: Buffer, at: number): number {
    const byte = data[at] ?? 0;
    if (byte !== NEWLINE) { if (this.#state === 'chunkSize') this.#size += String.fromCharCode(byte); return at + 1; }
    if (this.#state === 'trailer') { this.#state = 'chunkSize'; this.#size = ''; return at + 1; }
    const size = this.#size.trim();
    this.#size = '';
    // After the last chunk (0) comes one empty line.
    if (size === '') { this.#done(); return at + 1; }
    this.#left = Number.parseInt(size, 16);
    if (this.#left > 0) this.#state = 'chunk';
    return at + 1;
  }

  #count(data: Buffer): void {
    let lines = 0;
    for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, at + 1)) lines += 1;
    if (lines > 0) this.#onLine?.(lines);
  }

  #done(): void {
    this.#state = 'head';
    this.#answer();
  }

  #answer(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve({ status: this.#status, bytes: this.#bytes, text: pending.keep ? Buffer.concat(this.#kept).toString() : '' });
  }
}
