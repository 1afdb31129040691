/** The retention guard: pure. */
import type { ForgetArgs } from '#crds/wire/agentProtocol.gen.js';

export type HoldReason = 'RemovesTooMuch' | 'UnknownSnapshots' | 'FutureSnapshots';
export type ForgetPolicy = NonNullable<ForgetArgs['policies']>[number];
