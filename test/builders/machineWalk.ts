/** Walks a reconciler's machine over an enumerated table of facts with xstate/graph, and renders one decision as a row. */
import { expect } from 'chai';
import type { AnyStateMachine, EventFromLogic } from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import { decide } from '#controller/runtime/decide.js';

/** Every combination of the values of each member: `{a: [1, 2], b: [3]}` gives two rows. */
export function combinations<T extends object>(values: { [K in keyof T]: readonly T[K][] }): T[] {
  return (Object.entries(values) as [keyof T, readonly unknown[]][]).reduce<T[]>((rows, [name, options]) => rows.flatMap((row) => options.map((option) => ({ ...row, [name]: option }))), [{} as T]);
}

export interface Walk {
  states: Set<string>;
  /** Where each state leads, itself left out. */
  leads: Map<string, Set<string>>;
}

export function walk(machine: AnyStateMachine, rows: readonly object[]): Walk {
  const map = getAdjacencyMap(machine, { events: rows.map((facts) => ({ type: 'observe', facts })), limit: Infinity });
  const leads = new Map<string, Set<string>>();
  for (const { state, transitions } of Object.values(map)) {
    const from = String(state.value);
    const to = leads.get(from) ?? new Set<string>();
    for (const transition of Object.values(transitions) as { state: { value: unknown } }[]) if (String(transition.state.value) !== from) to.add(String(transition.state.value));
    leads.set(from, to);
  }
  return { states: new Set(leads.keys()), leads };
}

/** Each state is reached, every one that is not final leads on, and final ones lead nowhere. */
export function expectSound(machine: AnyStateMachine, rows: readonly object[]): void {
  const { states, leads } = walk(machine, rows);
  const named = Object.keys(machine.states);
  expect([...states].sort(), 'states reached').to.deep.equal([...named].sort());
  for (const name of named) {
    const final = (machine.states as Record<string, { type: string }>)[name]?.type === 'final';
    expect((leads.get(name)?.size ?? 0) > 0, `${name} ${final ? 'is final' : 'leads on'}`).to.equal(!final);
  }
}

/** `phase: action(param), action` of one decision. */
export function rowOf<Machine extends AnyStateMachine>(machine: Machine, from: string, facts: EventFromLogic<Machine>['facts']): string {
  const { phase, actions } = decide(machine, from, facts);
  const texts = (actions as { type: string; params?: Record<string, unknown> }[]).map(({ type, params }) => (params === undefined ? type : `${type}(${Object.values(params).join(',')})`));
  return texts.length === 0 ? phase : `${phase}: ${texts.join(', ')}`;
}
