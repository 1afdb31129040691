/**
 * Asks a pure XState machine what to do: the state is derived from the object, the facts travel in the event, and the
 * actions come back as data. Nothing is run here.
 */
import { transition, type AnyStateMachine, type EventFromLogic, type ExecutableActionsFrom, type SnapshotFrom, type SpecialExecutableAction, type ToExecutableAction } from 'xstate';

/** The actions a machine names itself, as `{type, params}`; XState's built-in ones (raise, send, spawn) are refused. */
export type OwnAction<Machine extends AnyStateMachine> = Exclude<ExecutableActionsFrom<Machine>, SpecialExecutableAction> extends ToExecutableAction<infer Action> ? Action : never;

export interface Decision<Phase extends string, Action> {
  phase: Phase;
  actions: Action[];
}

export function decide<Machine extends AnyStateMachine, Phase extends string>(machine: Machine, phase: Phase, facts: EventFromLogic<Machine>['facts']): Decision<Phase, OwnAction<Machine>> {
  const before = machine.resolveState({ value: phase, context: {} }) as SnapshotFrom<Machine>;
  const [after, actions] = transition(machine, before, { type: 'observe', facts } as unknown as EventFromLogic<Machine>);
  for (const action of actions as { type: string }[]) {
    if (action.type.startsWith('xstate.')) throw new Error(`machine ${machine.id} uses ${action.type}: machines name actions, they do not run them`);
  }
  return { phase: (after as { value: unknown }).value as Phase, actions: actions as unknown as OwnAction<Machine>[] };
}

/** A named action without effect, for `setup({ actions })`: the reconcile carries it out. */
export function named<Params = undefined>(): (_: unknown, params: Params) => void {
  return () => undefined;
}

/** Ends an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`unhandled ${JSON.stringify(value)}`);
}
