/**
 * The rooms, the one arrow between them, and what each may take from npm and Node. This table is the architecture as code:
 * widening a row is a decision, so each exception says why.
 */
export interface Room {
  /** Rooms its files may import with `#room/...`. */
  rooms: readonly string[];
  /** Packages of package.json it may import; 'any' for the rooms that ship nothing. */
  npm: readonly string[] | 'any';
  /** Node modules it may import, without `node:`. */
  node: readonly string[] | 'any';
}

export const rooms: Record<string, Room> = {
  // What two processes must agree on: runs in the page too.
  crds: { rooms: [], npm: [], node: [] },
  // Decisions only: crypto is for stable hashes, nothing here listens, stores or reads a clock.
  controller: { rooms: ['crds'], npm: ['xstate', 'cron-parser', 'ulid'], node: ['crypto'] },
  apiserver: {
    rooms: ['crds', 'controller'], node: 'any',
    // client-node only ever by await import(): bundled.ts checks it.
    npm: ['@kubernetes/client-node', '@marcbachmann/cel-js', '@peculiar/x509', 'ajv', 'ajv-formats', 'bcryptjs', 'commander', 'cron-parser', 'express', 'express-rate-limit', 'fast-json-patch', 'helmet', 'ipaddr.js', 'jose', 'js-yaml', 'lmdb', 'lowdb', 'pino', 'prom-client', 'reflect-metadata', 'ulid', 'ws'],
  },
  // Small on purpose: it runs as root on every host.
  agent: { rooms: ['crds'], npm: ['commander', 'cron-parser', 'js-yaml', 'lowdb', 'ulid', 'ws', 'xstate'], node: 'any' },
  ui: {
    rooms: ['crds'], node: [],
    npm: ['@fontsource-variable/inter', '@fontsource-variable/jetbrains-mono', '@tanstack/vue-virtual', 'cron-parser', 'cronstrue', 'pinia', 'reka-ui', 'tailwindcss', 'vue', 'vue-router', 'xstate'],
  },
  hack: { rooms: ['crds'], npm: 'any', node: 'any' },
  test: { rooms: ['crds', 'controller', 'apiserver', 'agent'], npm: 'any', node: 'any' },
};

/** Tests and tool settings ship nowhere: they may import what they need, tests also from other rooms. */
export const shipsNothing = (file: string): boolean => /\.test\.ts$/.test(file) || file === 'ui/vite.config.ts';
