/**
 * `npm run docs:machines`: draws each controller/kinds/<kind>/machine.ts as a diagram in docs/machines.md. Transitions carry a number
 * where a state has several: they are tried in that order and the first whose guard holds is taken.
 */
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root as checkout } from '../lib/root.js';

type Named = string | { type: string; params?: Record<string, unknown> };
interface Transition { target?: string | string[]; guard?: Named; actions?: Named | Named[] }
interface StateConfig { type?: string; on?: Record<string, Transition | Transition[]> }
interface MachineConfig { id: string; initial: string; states: Record<string, StateConfig> }

const nameOf = (item: Named): string => (typeof item === 'string' ? item : item.type + (item.params ? `(${Object.values(item.params).map(String).join(', ')})` : ''));
const list = <T>(item: T | T[] | undefined): T[] => (item === undefined ? [] : Array.isArray(item) ? item : [item]);
/** Mermaid ends a label at a colon or semicolon. */
const label = (text: string): string => text.replaceAll(/[:;#]/g, ' ');

/** One stateDiagram-v2; a transition without a target stays where it is. */
export function diagramOf(machine: MachineConfig): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${machine.initial}`];
  for (const [name, state] of Object.entries(machine.states)) {
    for (const transitions of Object.values(state.on ?? {}).map((item) => list(item))) {
      transitions.forEach((transition, index) => {
        const order = transitions.length > 1 ? `${index + 1}. ` : '';
        const actions = list(transition.actions).map(nameOf).join(', ');
        const text = `${order}${transition.guard ? nameOf(transition.guard) : 'otherwise'}${actions ? ` / ${actions}` : ''}`;
        lines.push(`  ${name} --> ${list(transition.target)[0] ?? name} : ${label(text)}`);
      });
    }
    if (state.type === 'final') lines.push(`  ${name} --> [*]`);
  }
  return lines.join('\n');
}

const isMachine = (value: unknown): value is { config: MachineConfig } =>
  typeof value === 'object' && value !== null && 'config' in value && typeof (value as { config: { states?: unknown } }).config?.states === 'object';

/** @returns the text of docs/machines.md */
export async function machinesDocument(root: string): Promise<string> {
  const folder = join(root, 'controller/kinds');
  const parts: string[] = [];
  for (const kind of (await readdir(folder)).sort()) {
    const file = join(folder, kind, 'machine.ts');
    if (!existsSync(file)) continue;
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    for (const machine of Object.values(exported).filter(isMachine)) {
      parts.push(`## ${machine.config.id}\n\n[controller/kinds/${kind}/machine.ts](../controller/kinds/${kind}/machine.ts)\n\n\`\`\`mermaid\n${diagramOf(machine.config)}\n\`\`\`\n`);
    }
  }
  return `# Lifecycles\n\nDrawn from the machines by \`npm run docs:machines\`. Numbers give the order in which transitions are tried; the first whose guard holds is taken.\n\n${parts.join('\n')}`;
}

if (process.argv[1] === import.meta.filename) {
  await writeFile(join(checkout, 'docs/machines.md'), await machinesDocument(checkout));
  console.log('wrote docs/machines.md');
}
