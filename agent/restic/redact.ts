/** Takes secrets out of text before it is stored, sent or shown. restic masks URLs itself; this holds when it does not. */
const MASK = '***';

export type Redact = (text: string) => string;

/** A function that masks every one of `secrets` (also URL-encoded) and the user info's password of any URL. Values under 3 characters are left: they would mask half of every line. */
export function redactor(secrets: Iterable<string>): Redact {
  const needles = new Set<string>();
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) if (form.length >= 3) needles.add(form);
  }
  const longestFirst = [...needles].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const needle of longestFirst) if (clean.includes(needle)) clean = clean.replaceAll(needle, MASK);
    return clean.includes('://') ? redactUrl(clean) : clean;
  };
}

/** `https://user:secret@host` -> `https://user:***@host`, anywhere in the text. */
export function redactUrl(text: string): string {
  return text.replaceAll(/(:\/\/[^/\s:@"]*):[^/\s@"]+@/g, `$1:${MASK}@`);
}
