/** Takes secrets out of text before it is stored, sent or shown. restic masks URLs itself; this holds when it does not. */
const MASK = '***';

export type Redact = (text: string) => string;

/**
 * A function that masks every one of `secrets`, in each form that restic, Go and URLs write it, and the user info's password of
 * any URL. Text is given line by line, so each line of a secret of several lines is one too. Values under 3 characters are
 * left: they would mask half of every line.
 */
export function redactor(secrets: Iterable<string>): Redact {
  const needles = new Set<string>();
  for (const secret of secrets) {
    const lines = secret.split(/\r?\n/);
    for (const part of lines.length > 1 ? [secret, ...lines] : [secret]) for (const form of formsOf(part)) if (form.length >= 3) needles.add(form);
  }
  const longestFirst = [...needles].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const needle of longestFirst) if (clean.includes(needle)) clean = clean.replaceAll(needle, MASK);
    return clean.includes('://') ? redactUrl(clean) : clean;
  };
}

function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const url = encodeURIComponent(secret);
  return [
    secret, json, url,
    json.replaceAll(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`), // encoding/json
    url.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll(/%(?:24|26|2B|2C|3B|3D)/g, decodeURIComponent), // net/url, user info
    url.replaceAll('%20', '+'),
  ];
}

/** `https://user:secret@host` -> `https://user:***@host`, anywhere in the text. */
export function redactUrl(text: string): string {
  return text.replaceAll(/(:\/\/[^/\s:@"]*):[^/\s@"]+@/g, `$1:${MASK}@`);
}
