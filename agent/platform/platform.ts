/**
 * What differs between the systems an agent runs on: paths, how a script is started, how processes and the agent itself
 * are ended, who may read and change files. Everything else of the agent is the same code everywhere and asks here.
 */

/** Mode and owner of a file that is open, or was just looked at. */
export interface Found { mode: number; uid: number }

/** A file or directory that is nobody else's to read. */
export interface Kept {
  path: string;
  kind: 'file' | 'directory';
  /** Of the file that is meant and open, when its name may have moved on. */
  found?: Found;
  /** It may be the administrator's while the agent runs as somebody else. */
  administrators?: true;
  /** What is at stake; default: it holds secrets. */
  holds?: string;
  /** What a command calls it where the sentence begins with its path; default: the path. */
  called?: string;
}

/** A directory on the way of a restore. */
export interface Step {
  path: string;
  found: Found;
  /** The restore makes names in it. Where not, the next directory of the way is there already, and is a step itself. */
  filled: boolean;
}

/** A clause that goes on after the path. */
export interface Problem { path: string; why: string }

export interface Platform {
  /** As the protocol names it. */
  readonly os: 'linux' | 'windows';
  /** Does restic keep a path as it is, so that a restore to the root puts it where it was? `C:\x` is kept as `/C/x`. */
  readonly keepsPaths: boolean;
  /** Default of RM_STATE_DIR. */
  readonly stateDir: string;
  /** Default of RM_AGENT_CONFIG. */
  readonly configFile: string;
  /** How people get restic here; a clause. */
  readonly installRestic: string;
  /** Can a program be asked to end by itself? Where not, every signal kills. */
  readonly interrupts: boolean;
  /** How the system's service manager, or a person at a terminal, asks the agent to end. */
  readonly stopSignals: readonly NodeJS.Signals[];
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
  /** Does any process have this number? */
  isRunning(pid: number): boolean;
  /** What tells this machine from all others, unhashed. */
  machineId(): string | undefined;
  /** Makes a rename or a new name in this directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Closes a directory just made with mode 0700 to everybody else, and what will be in it. */
  closeToOthers(path: string): Promise<void>;
  /** Who besides the administrator of this machine and this agent may change it, or what is in a directory, in words with the command that mends it; undefined when nobody. @param found of the file that is meant, when its name may have moved on */
  changeProblem(path: string, found: Found): Promise<string | undefined>;
  /** The first directory in which others than those could lead what is written through it elsewhere; undefined when none. */
  wayProblem(steps: readonly Step[]): Promise<Problem | undefined>;
  /** The first that others than this agent may read, with the command that mends it; undefined when none. */
  privacyProblem(kept: readonly Kept[]): Promise<Problem | undefined>;
}
