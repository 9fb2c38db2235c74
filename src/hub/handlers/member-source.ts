/** A value as it was written, which JSON.parse does not keep: of 12345678901234567890 it makes 12345678901234567000, and of 1e400 Infinity. */

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const COMMA = 0x2c;

/**
 * Whether something is nested deeper than this. It may be text of any kind: JSON.parse takes half a second to find 400,000 levels well, and
 * is asked afterwards.
 */
export function isNestedDeeper(json: string, levels: number): boolean {
  // Nor is it JSON, if it is shorter: each level ends as well.
  if (json.length < 2 * levels) return false;
  return nestedEnd(json, 0, levels) === -1;
}

/**
 * Finds a member of a JSON object, the last one of that name, as JSON.parse does.
 *
 * @param json - an object, which JSON.parse has read: nothing is checked here.
 * @returns the text of its value; `''` when there is no such member.
 */
export function memberSource(json: string, name: string): string {
  const quoted = JSON.stringify(name);
  let source = '';
  let at = spaceEnd(json, json.indexOf('{') + 1);
  while (json.charCodeAt(at) !== CLOSE_BRACE) {
    const keyEnd = stringEnd(json, at);
    const key = json.slice(at, keyEnd);
    const isNamed = key === quoted || (key.includes('\\') && JSON.parse(key) === name);
    const begin = spaceEnd(json, json.indexOf(':', keyEnd) + 1);
    const end = valueEnd(json, begin);
    if (isNamed) source = json.slice(begin, end);
    at = spaceEnd(json, end);
    if (json.charCodeAt(at) === COMMA) at = spaceEnd(json, at + 1);
  }
  return source;
}

function valueEnd(json: string, begin: number): number {
  const first = json.charCodeAt(begin);
  if (first === QUOTE) return stringEnd(json, begin);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return nestedEnd(json, begin, Infinity);
  let end = begin;
  while (!isSpace(json.charCodeAt(end)) && json.charCodeAt(end) !== COMMA && json.charCodeAt(end) !== CLOSE_BRACE)
    end++;
  return end;
}

/** Where what is opened first is closed, or the text ends; -1 when something in it is nested deeper than `levels`. */
function nestedEnd(json: string, begin: number, levels: number): number {
  let depth = 0;
  for (let at = begin; at < json.length; ) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(json, at);
      continue;
    }
    at++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > levels) return -1;
    } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return at;
  }
  return json.length;
}

function stringEnd(json: string, begin: number): number {
  for (let end = json.indexOf('"', begin + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
  return json.length;
}

function spaceEnd(json: string, begin: number): number {
  let end = begin;
  while (isSpace(json.charCodeAt(end))) end++;
  return end;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
