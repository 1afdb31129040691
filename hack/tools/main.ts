/** `npm run tools [-- name ...]`: brings the named tools, all of them without a name. */
import { messageOf } from '../lib/step.js';
import { fetchTools } from './fetch.js';
import { tools, type ToolName } from './tools.js';

const known = tools.map((tool) => tool.name);
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !known.includes(name as ToolName));
try {
  if (unknown) throw new Error(`unknown tool ${unknown}; known: ${known.join(', ')}`);
  await fetchTools(asked.length > 0 ? (asked as ToolName[]) : known);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
