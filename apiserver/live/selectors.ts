/** Field selectors of browser watches: `path=value`, `path!=value`, joined by commas. */
export type Matches = (object: unknown) => boolean;

/** @throws Error naming the part that is not a selector */
export function parseFieldSelector(text: string | undefined): Matches {
  const tests = (text ?? '').split(',').filter((part) => part.trim() !== '').map((part) => {
    const match = /^\s*([A-Za-z][\w.]*)\s*(==?|!=)\s*(.*?)\s*$/.exec(part);
    if (!match) throw new Error(`fieldSelector: "${part}" is not path=value or path!=value`);
    const [, path = '', operator, value = ''] = match;
    return { path: path.split('.'), negated: operator === '!=', value };
  });
  return (object) => tests.every(({ path, negated, value }) => (textAt(object, path) === value) !== negated);
}

function textAt(object: unknown, path: readonly string[]): string {
  let value: unknown = object;
  for (const part of path) value = value !== null && typeof value === 'object' && Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
