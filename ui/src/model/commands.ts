/** Commands the page teaches, with this server's own address in them. */

/** Starts an agent that announces itself to this server. */
export function announceCommand(origin = location.origin): string {
  return `sudo RM_SERVER=${origin} restic-manager-agent run`;
}

/** Agents speak plain http to their own machine only. */
export function plaintextRefused({ protocol, hostname }: { protocol: string; hostname: string } = location): boolean {
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
