/** `npm run verify`: checks only, no tests. */
import { messageOf } from '../lib/step.js';
import { runVerify } from './verify.js';

try {
  await runVerify();
  console.log('verify: all checks passed');
} catch (error) {
  console.error(`verify: ${messageOf(error)}`);
  process.exitCode = 1;
}
