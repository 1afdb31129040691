/** The one version stamped at build time into every program; a build without one is `0.0.0-dev`. */
declare const __VERSION__: string | undefined;
declare const __COMMIT__: string | undefined;

export const version: string = typeof __VERSION__ === 'string' ? __VERSION__ : '0.0.0-dev';
export const commit: string = typeof __COMMIT__ === 'string' ? __COMMIT__ : 'unknown';
