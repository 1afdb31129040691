/** Commands the page teaches, with this server's own address in them. */

/** Starts an agent that announces itself to this server. */
export function announceCommand(origin = location.origin): string {
  return `sudo RM_SERVER=${origin} restic-manager-agent run`;
}
