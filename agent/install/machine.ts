/** What this machine says of itself. */
import { createHash } from 'node:crypto';
import { platform } from '../platform/here.js';
import type { Platform } from '../platform/platform.js';

export interface Machine { hostname: string; os: Platform['os']; arch: 'amd64' | 'arm64'; timeZone: string; machineId: string | undefined }

export function describeMachine(hostname: string): Machine {
  return {
    hostname,
    os: platform.os,
    arch: process.arch === 'arm64' ? 'arm64' : 'amd64',
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    machineId: machineId(),
  };
}

/** SHA-256 hex of the machine id: two hosts with one identity are found by it, and the id itself stays here. */
function machineId(): string | undefined {
  const id = platform.machineId();
  return id === undefined ? undefined : createHash('sha256').update(id).digest('hex');
}
