/** The few operator API calls a person would make in the page: first user, login, Run now. */

export interface Login { username: string; password: string }

export class Operator {
  readonly #url: string;
  #cookie = '';
  constructor(url: string) {
    this.#url = url;
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(this.#cookie ? { cookie: this.#cookie } : {}) };
    const response = await fetch(`${this.#url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }), signal: AbortSignal.timeout(30_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    const cookie = response.headers.getSetCookie().find((value) => value.startsWith('rm_session='));
    if (cookie) this.#cookie = cookie.split(';')[0] ?? '';
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** Spends the bootstrap token on the first user and logs in as them. */
  async bootstrap(token: string, login: Login): Promise<void> {
    await this.#call('POST', '/api/bootstrap', { token, ...login });
    await this.#call('POST', '/api/auth/login', login);
  }

  /** Runs a group of a host. @returns the job's object name */
  async runNow(host: string, group: string): Promise<string> {
    const { job_id: id } = await this.#call<{ job_id: string }>('POST', `/api/hosts/${host}/source-groups/${group}/run`);
    return (await this.#call<{ name: string }>('GET', `/api/jobs/${id}`)).name;
  }
}
