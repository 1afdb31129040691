/**
 * What differs between the systems an agent runs on: paths, how a script is started, how processes are ended and told apart, who
 * may read its files. Everything else of the agent is the same code everywhere and asks here.
 */
export interface Platform {
  /** As the protocol names it. */
  readonly os: 'linux' | 'windows';
  /** Default of RM_STATE_DIR. */
  readonly stateDir: string;
  /** Default of RM_AGENT_CONFIG. */
  readonly configFile: string;
  /** How people get restic here; a clause. */
  readonly installRestic: string;
  /** Can a program be asked to end by itself? Where not, every signal kills. */
  readonly interrupts: boolean;
  /** Does a child lead a process group of its own? */
  readonly groups: boolean;
  /** File names under which a directory of PATH holds this program. */
  programNames(name: string): string[];
  /** What every child needs besides PATH, HOME and TMPDIR. */
  childEnvironment(env: NodeJS.ProcessEnv): Record<string, string>;
  /** How a script is kept in a file and what runs that file, whose path is appended. */
  script(name: string, body: string): { file: string; content: string; command: string[] };
  /** A command line that starts `command` without these variables of the environment it is given; where that cannot be done, the command itself. */
  withoutVariables(names: readonly string[], command: readonly string[]): readonly string[];
  /** To the process and all it started. Harmless once they ended. */
  kill(pid: number, signal: NodeJS.Signals): void;
  /** Does the process with this number, and the start time it once had, still run? Without a start time: does any of this program? */
  isLive(pid: number, startTime: string | undefined): boolean;
  /** What tells this machine from all others, unhashed. */
  machineId(): string | undefined;
  /** Makes a rename or a new name in this directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Closes a directory just made to everybody else, and what will be in it. */
  closeToOthers(path: string): Promise<void>;
  /** Who besides the administrator of this machine and this agent may change it, in words with the command that mends it; undefined when nobody. @param found of the file that is meant, when its name may have moved on */
  changeProblem(path: string, found: { mode: number; uid: number }): Promise<string | undefined>;
  /** Who besides this agent may read it, in words with the command that mends it; undefined when nobody. */
  privacyProblem(path: string, kind: 'file' | 'directory'): Promise<string | undefined>;
}
